//! A mail server that takes every mail, or misbehaves in a way that a test asks for. SMTP as in RFC 5321, with
//! STARTTLS, TLS from the start, and AUTH PLAIN and LOGIN.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What of a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    None,
    Starttls,
    Tls,
}

/// How a server behaves, to the end or until it has done so a number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// As it should.
    Good,
    /// Says `451` to so many recipients, as one that does not know the sender yet.
    Greylists(u32),
    /// Says `550` to every recipient.
    KnowsNobody,
    /// Takes connections and says nothing.
    Hangs,
    /// Closes so many connections in the middle of a mail.
    DropsInData(u32),
    /// Lets nobody in.
    RefusesLogin,
}

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub data: Vec<u8>,
    pub encrypted: bool,
    /// User and password.
    pub login: Option<(String, String)>,
}

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    received: Vec<Received>,
    connections: u32,
    /// Every line that came in before encryption.
    in_clear: Vec<String>,
}

/// A running server; it ends with the test.
pub struct SmtpServer {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl SmtpServer {
    pub async fn start(encryption: Encryption, acceptor: TlsAcceptor, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { behaviour, received: Vec::new(), connections: 0, in_clear: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
                // A client that goes away is none of the server's business.
                tokio::spawn(async move { drop(converse(stream, encryption, acceptor, shared).await) });
            }
        });
        SmtpServer { address, state, serving }
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub fn connections(&self) -> u32 {
        self.state.lock().unwrap().connections
    }

    pub fn in_clear(&self) -> String {
        self.state.lock().unwrap().in_clear.join("\n")
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

type Wire = BufReader<Box<dyn Stream>>;

async fn converse(
    stream: TcpStream,
    encryption: Encryption,
    acceptor: TlsAcceptor,
    state: Arc<Mutex<State>>,
) -> std::io::Result<()> {
    state.lock().unwrap().connections += 1;
    if state.lock().unwrap().behaviour == Behaviour::Hangs {
        return std::future::pending().await;
    }
    let mut encrypted = encryption == Encryption::Tls;
    let mut wire: Wire = BufReader::new(match encrypted {
        true => Box::new(acceptor.accept(stream).await?),
        false => Box::new(stream),
    });
    say(&mut wire, "220 test ESMTP").await?;
    let (mut from, mut to, mut login) = (String::new(), Vec::new(), None);
    loop {
        let line = hear(&mut wire).await?;
        if !encrypted {
            state.lock().unwrap().in_clear.push(line.clone());
        }
        let (command, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        match command.to_ascii_uppercase().as_str() {
            "EHLO" => {
                say(&mut wire, "250-test").await?;
                if encryption == Encryption::Starttls && !encrypted {
                    say(&mut wire, "250-STARTTLS").await?;
                }
                say(&mut wire, "250-AUTH PLAIN LOGIN").await?;
                say(&mut wire, "250 8BITMIME").await?;
            }
            "STARTTLS" if encryption == Encryption::Starttls && !encrypted => {
                say(&mut wire, "220 go ahead").await?;
                wire = BufReader::new(Box::new(acceptor.accept(wire.into_inner()).await?));
                encrypted = true;
            }
            "AUTH" => {
                let (user, password) = credentials(&mut wire, rest).await?;
                if state.lock().unwrap().behaviour == Behaviour::RefusesLogin {
                    say(&mut wire, "535 5.7.8 no").await?;
                } else {
                    login = Some((user, password));
                    say(&mut wire, "235 welcome").await?;
                }
            }
            "MAIL" => {
                from = address(rest);
                to.clear();
                say(&mut wire, "250 ok").await?;
            }
            "RCPT" => {
                let answer = {
                    let mut state = state.lock().unwrap();
                    match state.behaviour {
                        Behaviour::Greylists(left @ 1..) => {
                            state.behaviour = Behaviour::Greylists(left - 1);
                            "451 4.7.1 greylisted, come back later"
                        }
                        Behaviour::KnowsNobody => "550 5.1.1 no such mailbox",
                        _ => "250 ok",
                    }
                };
                if answer.starts_with("250") {
                    to.push(address(rest));
                }
                say(&mut wire, answer).await?;
            }
            "DATA" => {
                say(&mut wire, "354 go on").await?;
                let drops = {
                    let mut state = state.lock().unwrap();
                    match state.behaviour {
                        Behaviour::DropsInData(left @ 1..) => {
                            state.behaviour = Behaviour::DropsInData(left - 1);
                            true
                        }
                        _ => false,
                    }
                };
                let Some(data) = mail(&mut wire, drops).await? else { return Ok(()) };
                let mail =
                    Received { from: from.clone(), to: to.clone(), data, encrypted, login: login.clone() };
                state.lock().unwrap().received.push(mail);
                say(&mut wire, "250 taken").await?;
            }
            "QUIT" => {
                say(&mut wire, "221 bye").await?;
                return Ok(());
            }
            "RSET" | "NOOP" => say(&mut wire, "250 ok").await?,
            _ => say(&mut wire, "502 what?").await?,
        }
    }
}

async fn say(wire: &mut Wire, line: &str) -> std::io::Result<()> {
    wire.write_all(format!("{line}\r\n").as_bytes()).await?;
    wire.flush().await
}

async fn hear(wire: &mut Wire) -> std::io::Result<String> {
    let mut line = String::new();
    match wire.read_line(&mut line).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// `FROM:<a@example.com> BODY=8BITMIME`: the address.
fn address(rest: &str) -> String {
    rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0.to_owned()
}

/// A whole mail with its dots put right, or `None` when the server drops the connection after its first line.
async fn mail(wire: &mut Wire, drops: bool) -> std::io::Result<Option<Vec<u8>>> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        if wire.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if drops {
            return Ok(None);
        }
        match line.as_slice() {
            b".\r\n" => return Ok(Some(data)),
            [b'.', rest @ ..] => data.extend_from_slice(rest),
            line => data.extend_from_slice(line),
        }
    }
}

async fn credentials(wire: &mut Wire, rest: &str) -> std::io::Result<(String, String)> {
    let decode = |text: &str| String::from_utf8(base64(text)).unwrap();
    match rest.split_once(' ') {
        Some(("PLAIN", given)) => {
            let given = decode(given);
            let parts: Vec<&str> = given.split('\0').collect();
            Ok((parts[1].to_owned(), parts[2].to_owned()))
        }
        _ => {
            say(wire, "334 VXNlcm5hbWU6").await?;
            let user = decode(&hear(wire).await?);
            say(wire, "334 UGFzc3dvcmQ6").await?;
            Ok((user, decode(&hear(wire).await?)))
        }
    }
}

fn base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("no base64"),
    };
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | u32::from(value(byte));
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
