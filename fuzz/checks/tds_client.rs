//! What a SQL Server may send: whatever it is, a read ends, with rows that are rows or with an error that says what to
//! do; and with nothing of the password in it.
//!
//! The bytes take the place of an answer of the test server, whose answers before it are the real ones: those to
//! PRELOGIN, to the login, to the question for columns, and to the query. TLS is not in it.

use std::sync::OnceLock;
use std::time::Duration;

use ringroute::phonebook::PhonebookName;
use ringroute::secret::Secret;
use ringroute::settings::{
    Connection, Encryption, FieldMap, GuardSettings, Notify, PhonebookTarget, SourceSettings,
    SqlServerConnection, SqlServerTimeouts,
};
use ringroute::source::rows::MAX_VALUE_BYTES;
use ringroute::source::{BATCHES_IN_FLIGHT, SourceError, open_over};
use tds_test_server::{Options, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What travels at once without waiting; more than a client ever says in one read.
const ROOM: usize = 1 << 20;

const COLUMNS: usize = 8;

/// Rows of every type that is finished after it arrived.
const DATABASE: &str = "\
CREATE TABLE [dbo].[people] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(80), [tel] nvarchar(40), [cell] float,
    [home] decimal(20, 4), [other] sql_variant, [since] datetime2(3), [zip] real);
INSERT INTO [dbo].[people] VALUES
    (1, N'Ada', N'+49 30 901820', 4930901821, 49.5, N'text', '2026-11-24T10:00:00', 10115),
    (2, N'Grace Hopper', NULL, 1.5e10, 0, 7, NULL, 0.5),
    (3, N'Größe 中文', N'', NULL, NULL, NULL, '1999-01-01T00:00:00.120', NULL);
";

pub(crate) fn check(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let real = real_answers();
    let mut sent = Vec::new();
    match usize::from(*choice & 7) {
        // The bytes as they are, headers and all.
        5.. => sent.extend_from_slice(rest),
        kept => {
            for answer in real.iter().take(kept) {
                packets(answer, 4096, &mut sent);
            }
            packets(rest, 64 << (choice >> 5), &mut sent);
            // What would have come then.
            for answer in real.iter().skip(kept + 1) {
                packets(answer, 4096, &mut sent);
            }
        }
    }
    let (result, received) = runtime().block_on(read(&sent));
    match result {
        Ok(count) => assert_eq!(count, received, "rows were lost, or there were more"),
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty() && !said.contains(&Options::default().password), "{said}");
        }
    }
}

/// An answer as packets of at most this size (MS-TDS 2.2.3).
fn packets(answer: &[u8], size: usize, sent: &mut Vec<u8>) {
    let mut parts = answer.chunks(size - 8).peekable();
    loop {
        let part = parts.next().unwrap_or_default();
        let is_last = parts.peek().is_none();
        let length = (part.len() as u16 + 8).to_be_bytes();
        sent.extend_from_slice(&[4, u8::from(is_last), length[0], length[1], 0, 0, 1, 0]);
        sent.extend_from_slice(part);
        if is_last {
            return;
        }
    }
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    RUNTIME.get_or_init(build)
}

/// Reads from a server that sends these bytes and no more; also how many rows came.
async fn read(sent: &[u8]) -> (Result<u64, SourceError>, u64) {
    let (ours, mut theirs) = tokio::io::duplex(ROOM.max(sent.len()));
    theirs.write_all(sent).await.unwrap();
    theirs.shutdown().await.unwrap();
    let done = read_over(ours).await;
    drop(theirs);
    done
}

async fn read_over(wire: DuplexStream) -> (Result<u64, SourceError>, u64) {
    let source = open_over(&settings(), wire).unwrap();
    let (rows, mut batches) = mpsc::channel(BATCHES_IN_FLIGHT);
    let reading = source.read(rows, CancellationToken::new());
    let taking = async {
        let mut received = 0;
        while let Some(batch) = batches.recv().await {
            for row in batch.rows() {
                received += 1;
                for column in 0..COLUMNS {
                    let value = row.value(column).unwrap_or_default();
                    assert!(value.len() <= MAX_VALUE_BYTES && !value.contains('\0'), "{value:?}");
                }
            }
        }
        received
    };
    tokio::join!(reading, taking)
}

fn settings() -> SourceSettings {
    let options = Options::default();
    let timeouts =
        SqlServerTimeouts { connect_seconds: 5, login_seconds: 5, command_seconds: 5, run_seconds: 20 };
    let connection = SqlServerConnection {
        host: "server.example".to_owned(),
        database: options.databases[0].clone(),
        user: options.user,
        password: Some(Secret::new(&options.password)),
        encryption: Encryption::None,
        timeouts,
        ..SqlServerConnection::default()
    };
    let column = |name: &str| Some(name.to_owned());
    SourceSettings {
        name: "crm".to_owned(),
        enabled: true,
        default_region: None,
        sync_filter: "select ${MAP} from dbo.people order by id".to_owned(),
        remove_missing: true,
        connection: Connection::SqlServer(Box::new(connection)),
        field_map: FieldMap {
            key: column("id"),
            last_name: column("name"),
            business_number: column("tel"),
            mobile_number: column("cell"),
            home_number: column("home"),
            other_number: column("other"),
            remark: column("since"),
            zip_code: column("zip"),
            ..FieldMap::default()
        },
        phonebook: PhonebookTarget::New { name: PhonebookName::parse("All").unwrap() },
        guard: GuardSettings::default(),
        schedule: None,
        notify: Notify::default(),
    }
}

/// What the test server answers, each answer without its packets' headers.
pub(crate) fn real_answers() -> &'static [Vec<u8>] {
    static ANSWERS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ANSWERS.get_or_init(|| {
        let options = Options { encryption: tds_test_server::Encryption::NotSupported, ..Options::default() };
        let server = Server::with(options).unwrap();
        server.run(&server.options().databases[0], DATABASE).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answers = runtime.block_on(record(&server));
        // Otherwise everything else here would be about something else than it says.
        assert_eq!(answers.len(), 4, "the answers to PRELOGIN, login, columns and query");
        answers
    })
}

/// Reads from the real server, and keeps what it sends.
async fn record(server: &Server) -> Vec<Vec<u8>> {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let (mut from_us, mut to_us) = tokio::io::split(theirs);
    let (mut from_server, mut to_server) =
        tokio::net::TcpStream::connect(server.address()).await.unwrap().into_split();
    let asking = tokio::spawn(async move { tokio::io::copy(&mut from_us, &mut to_server).await });
    let answering = tokio::spawn(async move {
        let (mut kept, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
            kept.extend_from_slice(&buffer[..count]);
            if to_us.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        kept
    });
    let (result, received) = tokio::time::timeout(Duration::from_secs(60), read_over(ours)).await.unwrap();
    assert_eq!((result, received), (Ok(3), 3));
    asking.await.unwrap().unwrap();
    let kept = answering.await.unwrap();
    let mut answers = vec![Vec::new()];
    let mut rest = kept.as_slice();
    while let Some(header) = rest.get(..8) {
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if let Some(answer) = answers.last_mut() {
            answer.extend_from_slice(&rest[8..length]);
        }
        if header[1] & 1 == 1 {
            answers.push(Vec::new());
        }
        rest = &rest[length..];
    }
    answers.retain(|answer| !answer.is_empty());
    answers
}
