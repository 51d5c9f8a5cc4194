//! Those who ask: call handlers with one call at a time and with streams, and somebody who looks at everything else.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringroute::api::proto::v1;
use ringroute::api::proto::v1::audit_service_client::AuditServiceClient;
use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::api::proto::v1::phonebook_service_client::PhonebookServiceClient;
use ringroute::api::proto::v1::settings_service_client::SettingsServiceClient;
use ringroute::api::proto::v1::status_service_client::StatusServiceClient;
use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::clock;
use super::history::History;
use super::random::Random;
use super::server::Whereabouts;
use super::world::{Answer, Call, World};

/// A call that takes so many turns of the clock has failed: 20 seconds on a machine that has time for this test.
const PATIENCE: u64 = 400;

/// Questions under way on a stream.
const WINDOW: usize = 16;

/// So many faults are enough.
const MANY: usize = 20;

/// What all have in common.
pub(crate) struct Shared {
    pub(crate) history: History,
    pub(crate) place: watch::Receiver<Whereabouts>,
    pub(crate) is_over: AtomicBool,
    pub(crate) answers: [AtomicU64; 4],
    pub(crate) looks: AtomicU64,
    /// Calls that were cut off because the server went down by design.
    pub(crate) cut_off: AtomicU64,
    faults: Mutex<Vec<String>>,
}

pub(crate) const KINDS: [&str; 4] = ["MatchCaller", "RouteCall", "MatchCallers", "RouteCalls"];

impl Shared {
    pub(crate) fn new(history: History, place: watch::Receiver<Whereabouts>) -> Arc<Self> {
        Arc::new(Shared {
            history,
            place,
            is_over: AtomicBool::new(false),
            answers: Default::default(),
            looks: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
            faults: Mutex::default(),
        })
    }

    pub(crate) fn fault(&self, what: String) {
        let mut faults = self.faults.lock().unwrap();
        if faults.len() < MANY {
            eprintln!("FAULT: {what}");
            faults.push(what);
        }
        if faults.len() == MANY {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether the server that `at` names has gone since, by design. Otherwise a failure is a fault.
    fn excuses(&self, at: &Whereabouts, failure: &Status, what: &str) -> bool {
        if *self.place.borrow() != *at {
            self.cut_off.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        self.fault(format!("{what} failed while the server is up: {failure:?}"));
        false
    }

    fn check(&self, asked: &Asked, answer: Told) {
        let expected = match self.history.world_of(answer.generation, asked.not_before) {
            Ok(world) if answer.answer.route.is_some() => world.routed(&asked.call),
            Ok(world) => world.matched(&asked.call),
            Err(problem) => return self.fault(format!("{:?}: {problem}", asked.call)),
        };
        if expected != answer.answer {
            let Told { answer, generation } = answer;
            self.fault(format!("{:?} in {generation}: {answer:?}, not {expected:?}", asked.call));
        }
    }
}

impl Shared {
    /// Asks where one call goes.
    pub(crate) async fn ask_once(&self, channel: Channel, call: Call) {
        let asked = Asked { call, not_before: self.history.current() };
        match in_time(CallRoutingServiceClient::new(channel).route_call(asked.about_route())).await {
            Ok(told) => self.check(&asked, told.into_inner().into()),
            Err(failure) => self.fault(format!("{:?}: {failure:?}", asked.call)),
        }
    }
}

struct Asked {
    call: Call,
    not_before: u64,
}

impl Asked {
    fn now(shared: &Shared, world: &World, random: &mut Random) -> Self {
        Asked { call: world.call(random), not_before: shared.history.current() }
    }

    fn about_caller(&self) -> v1::MatchCallerRequest {
        v1::MatchCallerRequest { caller: self.call.written.clone(), trunk: String::new() }
    }

    fn about_route(&self) -> v1::RouteCallRequest {
        let (caller, did) = (self.call.written.clone(), self.call.did.to_owned());
        v1::RouteCallRequest { caller, did, ..Default::default() }
    }
}

/// What came back.
struct Told {
    answer: Answer,
    generation: u64,
}

fn contacts(found: Vec<v1::MatchedContact>) -> BTreeSet<super::world::Found> {
    found.into_iter().map(|contact| (contact.source_key, contact.display_name, contact.phonebooks)).collect()
}

impl From<v1::MatchCallerResponse> for Told {
    fn from(answer: v1::MatchCallerResponse) -> Self {
        let status = answer.status().as_str_name();
        let v1::MatchCallerResponse { e164, contacts: found, generation, .. } = answer;
        Told { answer: Answer { status, e164, contacts: contacts(found), route: None }, generation }
    }
}

impl From<v1::RouteCallResponse> for Told {
    fn from(answer: v1::RouteCallResponse) -> Self {
        let matched = answer.r#match.unwrap_or_default();
        let status = matched.status().as_str_name();
        let target = answer.destination.map(|destination| destination.target).unwrap_or_default();
        let route = Some((answer.route, target));
        let told = Answer { status, e164: matched.e164, contacts: contacts(matched.contacts), route };
        Told { answer: told, generation: answer.generation }
    }
}

/// Connects, and waits for the server to be up before; `None` at the end.
async fn connected(shared: &Shared) -> Option<(Channel, Whereabouts)> {
    let mut place = shared.place.clone();
    loop {
        if shared.is_over() {
            return None;
        }
        // The end comes also when nothing changes.
        let up = tokio::time::timeout(Duration::from_millis(200), place.wait_for(Option::is_some)).await;
        let Ok(Ok(at)) = up.map(|up| up.map(|at| at.clone())) else { continue };
        let url = at.clone().unwrap().1;
        match Endpoint::from_shared(url).unwrap().connect().await {
            Ok(channel) => return Some((channel, at)),
            Err(error) => drop(shared.excuses(&at, &Status::unavailable(error.to_string()), "connecting")),
        }
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let mut call = std::pin::pin!(call);
    let begun = clock::turns();
    loop {
        if let Ok(answer) = tokio::time::timeout(Duration::from_secs(1), &mut call).await {
            return answer;
        }
        if clock::turns() - begun > PATIENCE {
            return Err(Status::deadline_exceeded(format!("no answer within {PATIENCE} turns of the clock")));
        }
    }
}

/// One call at a time, each a request of its own.
pub(crate) async fn ask_one_by_one(shared: Arc<Shared>, seed: u64) {
    let mut random = Random::new(seed);
    while let Some((channel, at)) = connected(&shared).await {
        let mut client = CallRoutingServiceClient::new(channel);
        let world = shared.history.world();
        for _ in 0..500 {
            if shared.is_over() {
                return;
            }
            let asked = Asked::now(&shared, &world, &mut random);
            let kind = random.below(2);
            let told: Result<Told, Status> = match kind {
                0 => in_time(client.match_caller(asked.about_caller()))
                    .await
                    .map(|told| told.into_inner().into()),
                _ => {
                    in_time(client.route_call(asked.about_route())).await.map(|told| told.into_inner().into())
                }
            };
            match told {
                Ok(told) => {
                    shared.check(&asked, told);
                    shared.answers[kind].fetch_add(1, Ordering::Relaxed);
                }
                Err(failure) => {
                    shared.excuses(&at, &failure, "a call");
                    break;
                }
            }
        }
    }
}

/// An open stream of questions, each asked when an answer has come.
pub(crate) async fn ask_in_a_stream(shared: Arc<Shared>, routes: bool, seed: u64) {
    let mut random = Random::new(seed);
    while let Some((channel, at)) = connected(&shared).await {
        let client = CallRoutingServiceClient::new(channel);
        let stream =
            Stream { shared: &shared, world: shared.history.world(), asked: VecDeque::new(), next: 0 };
        let ended = match routes {
            true => stream.route(client, &mut random).await,
            false => stream.matched(client, &mut random).await,
        };
        if let Err(failure) = ended {
            shared.excuses(&at, &failure, "a stream");
        }
    }
}

struct Stream<'a> {
    shared: &'a Shared,
    world: World,
    asked: VecDeque<(u64, Asked)>,
    next: u64,
}

fn ended() -> Status {
    Status::unavailable("the stream ended")
}

impl Stream<'_> {
    fn ask(&mut self, random: &mut Random) -> (u64, &Asked) {
        let asked = Asked::now(self.shared, &self.world, random);
        self.next += 1;
        self.asked.push_back((self.next, asked));
        (self.next, &self.asked[self.asked.len() - 1].1)
    }

    /// The answers come in the order of the questions.
    fn take(&mut self, id: u64, told: Result<Told, String>, kind: usize) {
        match (self.asked.pop_front(), told) {
            (Some((expected, asked)), Ok(told)) if expected == id => self.shared.check(&asked, told),
            (asked, told) => {
                let of = asked.map(|(expected, asked)| (expected, asked.call));
                self.shared.fault(format!("answer {id} on a stream, to {of:?}: {:?}", told.err()));
            }
        }
        self.shared.answers[kind].fetch_add(1, Ordering::Relaxed);
    }

    async fn matched(
        mut self,
        mut client: CallRoutingServiceClient<Channel>,
        random: &mut Random,
    ) -> Result<(), Status> {
        let (sender, questions) = mpsc::channel(WINDOW);
        let question = |(request_id, asked): (u64, &Asked)| v1::MatchCallersRequest {
            request_id,
            request: Some(asked.about_caller()),
        };
        for _ in 0..WINDOW {
            sender.send(question(self.ask(random))).await.map_err(|_| ended())?;
        }
        let mut answers = in_time(client.match_callers(ReceiverStream::new(questions))).await?.into_inner();
        while !self.shared.is_over() {
            let answer = in_time(answers.message()).await?.ok_or_else(ended)?;
            use v1::match_callers_response::Result as Of;
            let told = match answer.result {
                Some(Of::Response(response)) => Ok(response.into()),
                other => Err(format!("{other:?}")),
            };
            self.take(answer.request_id, told, 2);
            sender.send(question(self.ask(random))).await.map_err(|_| ended())?;
        }
        Ok(())
    }

    async fn route(
        mut self,
        mut client: CallRoutingServiceClient<Channel>,
        random: &mut Random,
    ) -> Result<(), Status> {
        let (sender, questions) = mpsc::channel(WINDOW);
        let question = |(request_id, asked): (u64, &Asked)| v1::RouteCallsRequest {
            request_id,
            request: Some(asked.about_route()),
        };
        for _ in 0..WINDOW {
            sender.send(question(self.ask(random))).await.map_err(|_| ended())?;
        }
        let mut answers = in_time(client.route_calls(ReceiverStream::new(questions))).await?.into_inner();
        while !self.shared.is_over() {
            let answer = in_time(answers.message()).await?.ok_or_else(ended)?;
            use v1::route_calls_response::Result as Of;
            let told = match answer.result {
                Some(Of::Response(response)) => Ok(response.into()),
                other => Err(format!("{other:?}")),
            };
            self.take(answer.request_id, told, 3);
            sender.send(question(self.ask(random))).await.map_err(|_| ended())?;
        }
        Ok(())
    }
}

/// Looks at what is not a call, as a console and a monitor do: all of it has to be answered.
pub(crate) async fn look_around(shared: Arc<Shared>) {
    while let Some((channel, at)) = connected(&shared).await {
        for turn in 0.. {
            if shared.is_over() {
                return;
            }
            let channel = channel.clone();
            let looked = in_time(async move {
                match turn % 5 {
                    0 => {
                        let request = v1::GetStatusRequest::default();
                        StatusServiceClient::new(channel).get_status(request).await.map(drop)
                    }
                    1 => {
                        let request =
                            v1::ListContactsRequest { query: "person 1".into(), ..Default::default() };
                        PhonebookServiceClient::new(channel).list_contacts(request).await.map(drop)
                    }
                    2 => {
                        let request = v1::ListSyncRunsRequest::default();
                        SyncServiceClient::new(channel).list_sync_runs(request).await.map(drop)
                    }
                    3 => {
                        let request = v1::ExportSettingsRequest::default();
                        SettingsServiceClient::new(channel).export_settings(request).await.map(drop)
                    }
                    _ => {
                        let request = v1::ListAuditEntriesRequest::default();
                        AuditServiceClient::new(channel).list_audit_entries(request).await.map(drop)
                    }
                }
            });
            match looked.await {
                Ok(()) => drop(shared.looks.fetch_add(1, Ordering::Relaxed)),
                Err(failure) => {
                    shared.excuses(&at, &failure, "a look at the server");
                    break;
                }
            }
            // Somebody who looks ten times a second.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
