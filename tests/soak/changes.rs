//! Whoever changes things, one after the other: runs, rollbacks, edits, contacts by hand, backups; and the restarts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringroute::api::proto::v1;
use ringroute::api::proto::v1::SyncRunState;
use ringroute::api::proto::v1::backup_service_client::BackupServiceClient;
use ringroute::api::proto::v1::phonebook_service_client::PhonebookServiceClient;
use ringroute::api::proto::v1::route_service_client::RouteServiceClient;
use ringroute::api::proto::v1::settings_service_client::SettingsServiceClient;
use ringroute::api::proto::v1::status_service_client::StatusServiceClient;
use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use ringroute::engine;
use rusqlite::Connection;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::callers::Shared;
use super::random::Random;
use super::server::{Server, program};
use super::world::{self, Directory, LOCAL, People, World};

const PATIENCE: Duration = Duration::from_secs(120);

/// In how many ways it goes down.
pub(crate) const WAYS: u64 = 5;

/// So many runs back, at most.
const ROLLED_BACK: usize = 3;

/// Something that is done to the server, and its outcome known.
#[derive(Debug, Clone)]
enum Job {
    Sync,
    Preview,
    Rollback { run: u64 },
    ChangeRoute { place: usize },
    MoveRoute { to: usize },
    Apply { document: String },
    AddContact { number: u32 },
    RemoveContact { number: u32 },
}

/// A backup that was taken, and what it is a backup of.
struct Kept {
    file: PathBuf,
    world: World,
    /// The runs that can be rolled back there.
    runs: Vec<(u64, Arc<Directory>)>,
}

pub(crate) struct Changer {
    pub(crate) server: Arc<Server>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) random: Random,
    /// What the company's database has.
    pub(crate) source: Arc<Directory>,
    /// Runs that changed something, and what the contacts were before.
    runs: Vec<(u64, Arc<Directory>)>,
    backup: Option<Kept>,
    pub(crate) done: BTreeMap<&'static str, u64>,
}

impl Changer {
    pub(crate) fn new(server: Arc<Server>, shared: Arc<Shared>, source: Arc<Directory>, seed: u64) -> Self {
        Changer {
            server,
            shared,
            random: Random::new(seed),
            source,
            runs: Vec::new(),
            backup: None,
            done: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.server.url()).unwrap().connect().await.unwrap()
    }

    /// One thing after the other until then.
    pub(crate) async fn go_on_until(&mut self, end: Instant) {
        while Instant::now() < end && !self.shared.is_over.load(std::sync::atomic::Ordering::Relaxed) {
            if self.random.one_in(25) {
                self.take_backup().await;
                continue;
            }
            let (job, world) = self.next_job();
            let channel = self.channel().await;
            self.shared.history.change_begins(world.clone());
            match tokio::time::timeout(PATIENCE, carry_out(channel.clone(), job.clone(), world)).await {
                Ok(Ok(run)) => self.ended(channel, &job, run).await,
                Ok(Err(failure)) => {
                    self.shared.fault(format!("{job:?} failed: {failure:?}"));
                    self.ended(channel, &job, None).await;
                }
                Err(_) => return self.shared.fault(format!("{job:?} takes longer than {PATIENCE:?}")),
            }
            // Not always one change on the heels of the other.
            let pause = Duration::from_millis(self.random.below(60) as u64);
            tokio::time::sleep(pause).await;
        }
    }

    /// What is to be done next, and what the world is after it.
    fn next_job(&mut self) -> (Job, World) {
        let mut world = self.shared.history.world();
        let random = &mut self.random;
        let job = match random.below(14) {
            0..=3 => {
                self.source = Directory::of(world::changed(&self.source.people, random));
                write_company(&self.server.folder.join("company.db"), &self.source.people);
                world.synced = Arc::clone(&self.source);
                Job::Sync
            }
            4 => Job::Preview,
            5 | 6 if !self.runs.is_empty() => {
                let back = 1 + random.below(ROLLED_BACK.min(self.runs.len()));
                let (run, before) = &self.runs[self.runs.len() - back];
                world.synced = Arc::clone(before);
                Job::Rollback { run: *run }
            }
            7 | 8 => {
                let place = random.below(world.routes.len());
                let routes = Arc::make_mut(&mut world.routes);
                routes[place].target += 1 + random.below(500) as u32;
                Job::ChangeRoute { place }
            }
            9 | 10 => {
                let (from, to) = (random.below(world.routes.len()), random.below(world.routes.len()));
                let routes = Arc::make_mut(&mut world.routes);
                let route = routes.remove(from);
                routes.insert(to, route);
                Job::MoveRoute { to }
            }
            11 => {
                let routes = Arc::make_mut(&mut world.routes);
                let count = routes.len();
                routes.swap(random.below(count), random.below(count));
                routes[0].target = 6000 + random.below(1000) as u32;
                Job::Apply { document: world.settings(&self.server.folder.join("company.db")) }
            }
            _ => {
                let number = 7_000_000 + random.below(20) as u32;
                let local = Arc::make_mut(&mut world.local);
                match local.remove(&number) {
                    Some(_) => Job::RemoveContact { number },
                    None => {
                        local.insert(number, format!("Important {number}"));
                        Job::AddContact { number }
                    }
                }
            }
        };
        (job, world)
    }

    /// Takes over what became of a job, by what is served now.
    async fn ended(&mut self, channel: Channel, job: &Job, run: Option<u64>) {
        let before = self.shared.history.world().synced;
        let generation = generation(&channel).await;
        match self.shared.history.change_ended(generation) {
            Ok(is_changed) => {
                let run = match job {
                    Job::Sync | Job::Rollback { .. } if is_changed => match run {
                        Some(run) => Some(run),
                        // It was cut off, and committed all the same.
                        None => last_run(&channel).await,
                    },
                    _ => None,
                };
                self.runs.extend(run.map(|run| (run, before)));
            }
            Err(problem) => self.shared.fault(format!("{job:?}: {problem}")),
        }
        self.count(match job {
            Job::Sync => "sync runs",
            Job::Preview => "previews",
            Job::Rollback { .. } => "rollbacks",
            Job::ChangeRoute { .. } | Job::MoveRoute { .. } => "route edits",
            Job::Apply { .. } => "settings applied",
            Job::AddContact { .. } | Job::RemoveContact { .. } => "contacts by hand",
        });
    }

    async fn take_backup(&mut self) {
        let file = self.server.folder.join("soak.backup");
        let channel = self.channel().await;
        let taken = async {
            let mut parts =
                BackupServiceClient::new(channel).take_backup(v1::TakeBackupRequest {}).await?.into_inner();
            let mut written = File::create(&file).unwrap();
            while let Some(message) = parts.message().await? {
                if let Some(v1::take_backup_response::Part::Data(data)) = message.part {
                    written.write_all(&data).unwrap();
                }
            }
            Ok::<_, Status>(())
        };
        if let Err(failure) = taken.await {
            return self.shared.fault(format!("no backup: {failure:?}"));
        }
        self.check_backup(&file);
        let (world, runs) = (self.shared.history.world(), self.runs.clone());
        self.backup = Some(Kept { file, world, runs });
        self.count("backups");
    }

    /// A backup is of the generation that is served, with as many contacts.
    pub(crate) fn check_backup(&self, file: &std::path::Path) {
        let world = self.shared.history.world();
        let contacts = (world.synced.people.len() + world.local.len()) as u64;
        match engine::check_seal(file) {
            Ok(content)
                if content.generation.0 != self.shared.history.current() || content.contacts != contacts =>
            {
                self.shared.fault(format!("a backup has {content:?}, not {contacts} contacts"));
            }
            Ok(_) => {}
            Err(error) => self.shared.fault(error.to_string()),
        }
    }

    /// The server goes down in one of several ways, and comes up again with what it had.
    pub(crate) async fn restart(&mut self, way: u64) {
        match way % WAYS {
            0 => self.goes_down_during_a_job("kills during a change", Server::kill).await,
            1 => self.restore().await,
            2 => self.goes_down_during_a_job("stops during a change", Server::stop).await,
            3 => self.goes_down_at_rest("kills", Server::kill).await,
            _ => self.goes_down_at_rest("stops", Server::stop).await,
        }
    }

    async fn goes_down_at_rest(&mut self, what: &'static str, down: fn(&Server)) {
        self.shared.history.change_begins(self.shared.history.world());
        let server = Arc::clone(&self.server);
        tokio::task::spawn_blocking(move || {
            down(&server);
            server.start();
        })
        .await
        .unwrap();
        let generation = generation(&self.channel().await).await;
        match self.shared.history.change_ended(generation) {
            Ok(false) => {}
            other => self.shared.fault(format!("{what}: a restart has changed something: {other:?}")),
        }
        self.count(what);
    }

    async fn goes_down_during_a_job(&mut self, what: &'static str, down: fn(&Server)) {
        let (job, world) = self.next_job();
        let channel = self.channel().await;
        self.shared.history.change_begins(world.clone());
        // What it said, or that it said nothing, does not matter: what is served afterwards does.
        let under_way = tokio::spawn(carry_out(channel, job.clone(), world));
        tokio::time::sleep(Duration::from_millis(self.random.below(150) as u64)).await;
        let server = Arc::clone(&self.server);
        tokio::task::spawn_blocking(move || {
            down(&server);
            under_way.abort();
            server.start();
        })
        .await
        .unwrap();
        let channel = self.channel().await;
        self.ended(channel, &job, None).await;
        self.count(what);
    }

    /// Everything as it was when the last backup was taken, as a generation of its own.
    async fn restore(&mut self) {
        if self.backup.is_none() {
            self.take_backup().await;
        }
        let Some(Kept { file, world, runs }) = self.backup.take() else { return };
        self.shared.history.change_begins(world);
        let server = Arc::clone(&self.server);
        let restored = tokio::task::spawn_blocking(move || {
            server.stop();
            let mut command = program();
            command.arg("restore").arg(file).arg("--data-folder").arg(server.data());
            let restored = command.output().unwrap();
            for entry in std::fs::read_dir(server.data()).unwrap().flatten() {
                if entry.file_name().to_str().is_some_and(|name| name.contains("before-restore")) {
                    std::fs::remove_file(entry.path()).unwrap();
                }
            }
            server.start();
            restored
        });
        let restored = restored.await.unwrap();
        let generation = generation(&self.channel().await).await;
        match self.shared.history.change_ended(generation) {
            Ok(true) if restored.status.success() => self.runs = runs,
            other => self.shared.fault(format!("a restore: {other:?} {restored:?}")),
        }
        self.count("restores");
    }
}

/// Does a job to its end. Says which run it was, if it was one.
async fn carry_out(channel: Channel, job: Job, after: World) -> Result<Option<u64>, Status> {
    match job {
        Job::Sync => {
            let mut client = SyncServiceClient::new(channel);
            let request = v1::StartSyncRequest { source: "crm".into(), allow_preview: None };
            let run = client.start_sync(request).await?.into_inner().run;
            end_of(client, run).await.map(Some)
        }
        Job::Preview => {
            let mut client = SyncServiceClient::new(channel);
            let request = v1::PreviewSyncRequest { source: "crm".into(), ..Default::default() };
            let run = client.preview_sync(request).await?.into_inner().run;
            end_of(client, run).await.map(Some)
        }
        Job::Rollback { run } => {
            let mut client = SyncServiceClient::new(channel);
            let request = v1::RollbackSyncRequest { run_id: run, dry_run: false };
            let run = client.rollback_sync(request).await?.into_inner().run;
            end_of(client, run).await.map(Some)
        }
        Job::ChangeRoute { place } => {
            let name = after.routes[place].name.clone();
            let mut client = RouteServiceClient::new(channel);
            let request = v1::GetInboundRouteRequest { name: name.clone() };
            let mut route =
                client.get_inbound_route(request).await?.into_inner().inbound_route.unwrap_or_default();
            let destination = route.destination.get_or_insert_default();
            destination.target = after.routes[place].target.to_string();
            let request = v1::UpdateInboundRouteRequest { name, inbound_route: Some(route) };
            client.update_inbound_route(request).await.map(|_| None)
        }
        Job::MoveRoute { to } => {
            let request =
                v1::MoveInboundRouteRequest { name: after.routes[to].name.clone(), position: to as u32 + 1 };
            RouteServiceClient::new(channel).move_inbound_route(request).await.map(|_| None)
        }
        Job::Apply { document } => {
            let request = v1::ApplySettingsRequest { document, ..Default::default() };
            SettingsServiceClient::new(channel).apply_settings(request).await.map(|_| None)
        }
        Job::AddContact { number } => {
            let raw = world::e164(number);
            let label = v1::NumberLabel::MobileNumber.into();
            let contact = v1::Contact {
                phonebooks: vec![LOCAL.into()],
                last_name: after.local[&number].clone(),
                numbers: vec![v1::ContactNumber { label, raw, ..Default::default() }],
                ..Default::default()
            };
            let request = v1::CreateContactRequest { contact: Some(contact) };
            PhonebookServiceClient::new(channel).create_contact(request).await.map(|_| None)
        }
        Job::RemoveContact { number } => {
            let mut client = PhonebookServiceClient::new(channel);
            let query = world::e164(number);
            let request = v1::ListContactsRequest { phonebook: LOCAL.into(), query, ..Default::default() };
            let found = client.list_contacts(request).await?.into_inner().contacts;
            let [contact] = &*found else {
                return Err(Status::not_found(format!("{} contacts have the number", found.len())));
            };
            let request = v1::DeleteContactRequest { contact_id: contact.contact_id, etag: String::new() };
            client.delete_contact(request).await.map(|_| None)
        }
    }
}

async fn end_of(mut client: SyncServiceClient<Channel>, run: Option<v1::SyncRun>) -> Result<u64, Status> {
    let run_id = run.unwrap_or_default().run_id;
    let mut news = client.watch_sync(v1::WatchSyncRequest { run_id }).await?.into_inner();
    while let Some(message) = news.message().await? {
        if let Some(run) = message.progress.and_then(|progress| progress.run) {
            return match run.state() {
                SyncRunState::Succeeded => Ok(run_id),
                _ => Err(Status::aborted(format!("{run:?}"))),
            };
        }
    }
    Err(Status::unavailable("the stream ended"))
}

pub(crate) async fn generation(channel: &Channel) -> u64 {
    let request = v1::GetStatusRequest::default();
    let status = StatusServiceClient::new(channel.clone()).get_status(request).await.unwrap();
    status.into_inner().generation
}

/// The last run that succeeded.
async fn last_run(channel: &Channel) -> Option<u64> {
    let request = v1::ListSyncRunsRequest::default();
    let runs =
        SyncServiceClient::new(channel.clone()).list_sync_runs(request).await.unwrap().into_inner().runs;
    let succeeded =
        |run: &v1::SyncRun| run.state() == SyncRunState::Succeeded && run.kind() != v1::SyncRunKind::Preview;
    runs.into_iter().find(succeeded).map(|run| run.run_id)
}

pub(crate) fn write_company(path: &std::path::Path, people: &People) {
    let mut database = Connection::open(path).unwrap();
    let transaction = database.transaction().unwrap();
    transaction
        .execute_batch("DROP TABLE IF EXISTS people; CREATE TABLE people (id, name, tel, team)")
        .unwrap();
    let mut insert = transaction.prepare("INSERT INTO people VALUES (?, ?, ?, ?)").unwrap();
    for (key, person) in people {
        insert.execute((key, &person.name, world::e164(person.number), person.team)).unwrap();
    }
    drop(insert);
    transaction.commit().unwrap();
}

/// Makes a new server the first world; says the generation.
pub(crate) async fn set_up(server: &Server, settings: &str) -> u64 {
    let channel = Endpoint::from_shared(server.url()).unwrap().connect().await.unwrap();
    let request = v1::ApplySettingsRequest { document: settings.to_owned(), ..Default::default() };
    SettingsServiceClient::new(channel.clone()).apply_settings(request).await.unwrap();
    let mut client = SyncServiceClient::new(channel.clone());
    let request = v1::StartSyncRequest { source: "crm".into(), allow_preview: None };
    let run = client.start_sync(request).await.unwrap().into_inner().run;
    end_of(client, run).await.unwrap();
    generation(&channel).await
}

/// Asks about numbers that everybody has or had, some hundreds of them.
pub(crate) async fn check_many(shared: &Shared, channel: Channel) {
    let world = shared.history.world();
    let mut numbers: Vec<u32> = world.synced.people.values().map(|person| person.number).collect();
    numbers.extend((0..20).map(|number| 7_000_000 + number));
    numbers.extend((0..500).map(|number| world::FIRST_NUMBER + number));
    let step = numbers.len().div_ceil(400);
    for number in numbers.into_iter().step_by(step) {
        let call = world::Call {
            caller: world::Caller::Number(number),
            written: world::e164(number),
            did: world::DIDS[number as usize % world::DIDS.len()],
        };
        shared.ask_once(channel.clone(), call).await;
    }
}
