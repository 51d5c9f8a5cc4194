//! A web server that takes requests, answers as a test asks, and shows what came.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Request {
    pub line: String,
    /// By name, in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// Whether it was signed with the secret: what a receiver does, with another implementation than the sender's.
    /// The comparison takes as long for a wrong signature as for a right one.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let digits = self.headers["ringroute-signature"].strip_prefix("v1=").unwrap();
        let signature: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap())
            .collect();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(self.headers["ringroute-timestamp"].as_bytes());
        mac.update(b".");
        mac.update(&self.body);
        mac.verify_slice(&signature).is_ok()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A running server; it ends with the test.
pub struct WebServer {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl WebServer {
    /// Answers with these, one after the other, then with 204. An empty answer is none at all.
    pub async fn start(acceptor: Option<TlsAcceptor>, answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers: VecDeque<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let (shared, answers) = (Arc::clone(&requests), Arc::new(Mutex::new(answers)));
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (shared, answers, acceptor) =
                    (Arc::clone(&shared), Arc::clone(&answers), acceptor.clone());
                // A client that goes away is none of the server's business.
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => drop(answer(acceptor.accept(stream).await?, shared, answers).await),
                        None => drop(answer(stream, shared, answers).await),
                    }
                    Ok::<_, std::io::Error>(())
                });
            }
        });
        WebServer { address, requests, serving }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<VecDeque<String>>>,
) -> std::io::Result<()> {
    let mut wire = BufReader::new(stream);
    let mut line = String::new();
    wire.read_line(&mut line).await?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        wire.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    wire.read_exact(&mut body).await?;
    requests.lock().unwrap().push(Request { line: line.trim_end().to_owned(), headers, body });
    let next = answers.lock().unwrap().pop_front();
    let next = next.unwrap_or_else(|| "HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    if next.is_empty() {
        return std::future::pending().await;
    }
    wire.write_all(next.as_bytes()).await?;
    wire.flush().await
}
