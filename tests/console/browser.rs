//! A browser as far as the console needs one: cookies, forms with their token, no scripts.

#![allow(unreachable_pub, reason = "the other files of this test use it")]

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use ringroute::access::Role;
use ringroute::config::BoundsConfig;
use ringroute::console::{self, Surroundings};
use ringroute::engine::Engine;
use ringroute::listening::Incoming;
use ringroute::notifier::Ways;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

pub const PASSWORD: &str = "correct horse battery";

/// A console over an engine. It ends with the test.
pub struct Console {
    pub engine: Arc<Engine>,
    pub address: SocketAddr,
    _stop: DropGuard,
}

impl Console {
    pub async fn of(engine: Arc<Engine>) -> Self {
        Console::with_ways(engine, Ways::default()).await
    }

    /// One that can tell people and programs.
    pub async fn with_ways(engine: Arc<Engine>, ways: Ways) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = Incoming::http(listener, None, BoundsConfig::default());
        let stop = CancellationToken::new();
        let surroundings = Surroundings {
            hosts: vec!["ringroute.example.com".to_owned()],
            ways: watch::channel(ways).1,
            tokens_required: false,
        };
        tokio::spawn(console::serve(Arc::clone(&engine), incoming, surroundings, stop.clone()));
        Console { engine, address, _stop: stop.drop_guard() }
    }

    pub fn browser(&self) -> Browser {
        Browser { address: self.address, cookie: None, token: String::new() }
    }

    /// Somebody who is signed in, with a user made for the purpose.
    pub async fn signed_in(&self, role: Role) -> Browser {
        let name = format!("the {role}");
        if !self.engine.users().iter().any(|user| user.name == name) {
            self.engine.by("test").create_user(&name, role, PASSWORD).unwrap();
        }
        let mut browser = self.browser();
        let page = browser.post("/sign-in", &[("name", &name), ("password", PASSWORD)]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
        browser.take_token().await;
        browser
    }
}

#[derive(Clone)]
pub struct Browser {
    pub address: SocketAddr,
    pub cookie: Option<String>,
    /// Of the forms.
    pub token: String,
}

pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    pub text: String,
}

impl Page {
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |to| to.to_str().unwrap())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
        rest.split('"').next().unwrap().to_owned()
    }

    /// The value of a field that can be copied from.
    pub fn shown_once(&self, id: &str) -> String {
        let (_, rest) =
            self.text.split_once(&format!("id=\"{id}\" type=\"text\" readonly value=\"")).expect(id);
        rest.split('"').next().unwrap().to_owned()
    }

    /// What a field is called in the list of errors, which leads to it.
    pub fn called(&self, field: &str) -> &str {
        let (_, rest) = self.text.split_once(&format!("<a href=\"#{field}\">")).expect(field);
        rest.split_once("</a>").unwrap().0
    }

    /// Whether the list of errors calls a field as its label does.
    pub fn is_called_as_labelled(&self, field: &str) -> bool {
        self.text.contains(&format!("<label for=\"{field}\">{}<", self.called(field)))
    }

    /// What is said to be wrong with a field.
    pub fn error_of(&self, field: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("id=\"{field}-error\">"))?;
        Some(rest.split_once("</p>")?.0.replace("&quot;", "\"").replace("&amp;", "&"))
    }
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric();
        text.bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect::<String>()
    };
    let fields = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    fields.collect::<Vec<_>>().join("&")
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// Sends a form, with its token.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token.clone();
        let all: Vec<_> = [("csrf", token.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.send(Method::POST, path, &[], encoded(&all)).await
    }

    /// Sends a form, and follows the way to the page that says what came of it.
    pub async fn post_and_see(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.text);
        let to = answer.location().to_owned();
        let page = self.get(&to).await;
        assert_eq!(page.status, StatusCode::OK, "{to}: {}", page.text);
        page
    }

    pub async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Page {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(HOST, self.address.to_string());
        }
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        drop(sender);
        connection.await.unwrap().unwrap();
        if let Some(cookie) = parts.headers.get(SET_COOKIE) {
            self.cookie = Some(cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        Page {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        }
    }

    /// Sends a form with a file, with its token.
    pub async fn upload(&mut self, path: &str, fields: &[(&str, &str)], file: &str) -> Page {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        body += &format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\r\n{file}\r\n--x--\r\n",
            // As a browser sends a form whose file was not chosen.
            if file.is_empty() { "" } else { "a.file" }
        );
        let path = format!("{path}?csrf={}", self.token);
        self.send(Method::POST, &path, &[("content-type", "multipart/form-data; boundary=x")], body).await
    }

    pub async fn take_token(&mut self) {
        let page = self.get("/account").await;
        let (_, rest) = page.text.split_once("name=\"csrf\" value=\"").unwrap();
        self.token = rest.split('"').next().unwrap().to_owned();
    }
}
