//! How fast a driver can drain this server: `cargo run --release -p tds-test-server --example drain`.

use std::time::Instant;

use futures_util::TryStreamExt as _;
use tds_test_server::Server;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

const ROWS: usize = 500_000;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    let server = Server::start()?;
    server.run("ringroute", TABLE)?;
    for encryption in [EncryptionLevel::Off, EncryptionLevel::Required] {
        for (what, columns) in [("as they are", AS_THEY_ARE), ("all made nvarchar", ALL_TEXT)] {
            let sql = format!("SELECT {columns} FROM dbo.contacts ORDER BY id");
            let start = Instant::now();
            let count = drain(&server, encryption, &sql).await?;
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{encryption:?}, {what}: {count} rows in {seconds:.2} s, {:.0} rows/s",
                count as f64 / seconds
            );
        }
    }
    Ok(())
}

async fn drain(server: &Server, encryption: EncryptionLevel, sql: &str) -> Result<usize, AnyError> {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(server.address().port());
    config.authentication(AuthMethod::sql_server(&server.options().user, &server.options().password));
    config.encryption(encryption);
    config.trust_cert_ca(server.ca_file().display().to_string());
    let stream = TcpStream::connect(config.get_addr()).await?;
    stream.set_nodelay(true)?;
    let mut client = Client::connect(config, stream.compat_write()).await?;
    let mut rows = client.simple_query(sql).await?;
    let mut count = 0;
    while let Some(item) = rows.try_next().await? {
        count += usize::from(matches!(item, QueryItem::Row(_)));
    }
    assert!(count == ROWS, "{count} rows came");
    Ok(count)
}

const AS_THEY_ARE: &str =
    "id, first_name, last_name, company, email, business_number, mobile_number, belongto";
const ALL_TEXT: &str = "CAST(id AS nvarchar(40)) AS id, CAST(first_name AS nvarchar(max)) AS first_name, \
    CAST(last_name AS nvarchar(max)) AS last_name, CAST(company AS nvarchar(max)) AS company, \
    CAST(email AS nvarchar(max)) AS email, CAST(business_number AS nvarchar(max)) AS business_number, \
    CAST(mobile_number AS nvarchar(max)) AS mobile_number, CAST(belongto AS nvarchar(max)) AS belongto";
const TABLE: &str = "
CREATE TABLE dbo.contacts (
    id int NOT NULL PRIMARY KEY, first_name nvarchar(63), last_name nvarchar(63), company nvarchar(127),
    email nvarchar(255), business_number varchar(31), mobile_number varchar(31), belongto nvarchar(50)
)
GO
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000)
INSERT INTO dbo.contacts
SELECT i, CONCAT(N'First', i % 997), CONCAT(N'Müller', i % 4999), CONCAT(N'Company ', i % 20000),
    CONCAT(N'person', i, N'@example.com'), CONCAT(N'+4930', 1000000 + i), CONCAT(N'+4917', 1000000 + i),
    CASE WHEN i % 2 = 0 THEN N'Sales' ELSE N'Support' END
FROM n OPTION (MAXRECURSION 0)
";
