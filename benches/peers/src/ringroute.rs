//! Ringroute: a process of its own, asked by calls or over a stream.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Instant;

use ringroute::api::proto::v1::MatchStatus;
use ringroute::demo::sample;
use ringroute::sync::RunKind;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::data::Question;
use crate::load::{Asking, Peer};
use crate::questions::{self, Client, Match, Route};
use crate::servers::{self, Server};
use crate::support::server;

/// Synchronises the company, and starts the server on what came of it, as `ringroute serve` does.
pub fn start(folder: &Path, contacts: u32) -> Server {
    let (database, data_folder) = (folder.join("company.db"), folder.join("ringroute"));
    sample::write(&database, contacts).unwrap();
    let runtime = server::runtime();
    let engine = server::engine(&data_folder, &sample::settings(&database));
    server::synchronise(&runtime, &engine, sample::SOURCE_NAME, RunKind::Sync);
    drop(engine);
    drop(runtime);

    // This program, which is that one when it is told to serve.
    let mut child = servers::command(&std::env::current_exe().unwrap())
        .args(["serve", "--listen", "127.0.0.1:0", "--no-console", "--data-folder"])
        .arg(&data_folder)
        .current_dir(folder)
        .env("RINGROUTE_LOG_LEVEL", "warn")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim().rsplit("http://").next().unwrap().parse();
    Server::new(address.unwrap_or_else(|_| panic!("not where it listens: {said:?}")), child)
}

/// A question of the contract whose answer says whether the caller is known.
pub trait Known: questions::Question {
    fn is_known(answer: &Self::Answer) -> bool;
}

impl Known for Match {
    fn is_known(answer: &Self::Answer) -> bool {
        answer.status() == MatchStatus::Matched
    }
}

impl Known for Route {
    fn is_known(answer: &Self::Answer) -> bool {
        answer.r#match.as_ref().is_some_and(|found| found.status() == MatchStatus::Matched)
    }
}

async fn connect(address: SocketAddr) -> Client {
    Client::connect(format!("http://{address}")).await.unwrap()
}

/// A call for each question.
pub struct Calls<Q>(pub SocketAddr, pub PhantomData<fn() -> Q>);

/// One stream for all questions of a thread.
pub struct OneStream<Q>(pub SocketAddr, pub PhantomData<fn() -> Q>);

impl<Q> Clone for Calls<Q> {
    fn clone(&self) -> Self {
        Calls(self.0, PhantomData)
    }
}

impl<Q> Clone for OneStream<Q> {
    fn clone(&self) -> Self {
        OneStream(self.0, PhantomData)
    }
}

impl<Q: Known> Peer for Calls<Q> {
    type Connection = Client;

    async fn connect(&self, _: usize) -> Client {
        connect(self.0).await
    }

    async fn ask(client: &mut Client, _: usize, question: &Question) -> bool {
        Q::is_known(Q::ask(client, Q::request(&question.caller)).await.unwrap().get_ref())
    }
}

impl<Q: Known> Peer for OneStream<Q> {
    type Connection = Client;

    async fn connect(&self, _: usize) -> Client {
        connect(self.0).await
    }

    async fn ask(client: &mut Client, worker: usize, question: &Question) -> bool {
        Calls::<Q>::ask(client, worker, question).await
    }

    async fn keep_busy(mut client: Client, in_flight: usize, asking: Rc<Asking>) {
        let (sender, receiver) = mpsc::channel(in_flight);
        let mut answers = Q::open(&mut client, ReceiverStream::new(receiver)).await.unwrap().into_inner();
        let mut waiting = VecDeque::with_capacity(in_flight);
        let mut id = 0;
        loop {
            while waiting.len() < in_flight
                && let Some(question) = asking.next()
            {
                let request = Q::in_stream(id, Q::request(&question.caller));
                waiting.push_back((id, Instant::now()));
                sender.send(request).await.unwrap();
                id += 1;
            }
            let Some((expected, asked_at)) = waiting.pop_front() else { break };
            let answer = answers.message().await.unwrap().unwrap();
            assert_eq!(Q::outcome(&answer), (expected, true));
            asking.answered(asked_at);
        }
    }
}
