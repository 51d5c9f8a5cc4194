//! Settings files: what is read can be written, and is read again as the same; what passes as valid can be compiled
//! without a surprise and calls can be decided with it.
//!
//! A text that begins with [`PROCESS`] is the file of a process (`ringroute.toml`).

use std::sync::{Arc, OnceLock};

use ringroute::config::Config;
use ringroute::generation::Generation;
use ringroute::index::{ContactIndex, ContactIndexBuilder};
use ringroute::routing::{Call, check_without_contacts, decide, explain};
use ringroute::settings::Settings;
use ringroute::snapshot::Snapshot;

const PROCESS: &str = "# process\n";

const CALLS: [(&str, &str); 4] =
    [("+49301234567", "030555100"), ("anonymous", "+493055100"), ("sip:112@pbx.example", "200"), ("", "")];

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(text) = text.strip_prefix(PROCESS) {
        let config = toml::from_str::<Config>(text).map_err(drop).map(Config::checked);
        if let Ok(Ok(config)) = config {
            assert!(!config.data_folder.as_os_str().is_empty());
            let _ = (config.requires_tokens(), config.requires_tokens_for_metrics());
        }
        return;
    }
    let settings = match Settings::from_toml(text) {
        Ok(settings) => settings,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let written = settings.to_toml().unwrap_or_else(|error| panic!("{error}: {settings:?}"));
    let read = Settings::from_toml(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
    assert_eq!(read, settings, "{written}");
    assert_eq!(read.to_toml().as_ref(), Ok(&written));
    // As the store keeps them, and the files of what was served last.
    let stored = serde_json::to_vec(&settings).unwrap();
    assert_eq!(serde_json::from_slice::<Settings>(&stored).unwrap(), settings);

    if settings.validate().is_err() {
        return;
    }
    let Ok(snapshot) = Snapshot::new(Generation(1), nobody(), &settings) else { return };
    // By name, and only what is valid and compiled has names that are unique.
    assert!(settings.difference(&read).is_empty());
    let at = "2026-11-24T10:00:00Z".parse().unwrap();
    let _ = check_without_contacts(&snapshot, at);
    let trunk = settings.trunks.first().map_or("", |trunk| &trunk.name);
    for (caller, did) in CALLS {
        let call = Call { caller, did, trunk, attestation: None, at };
        let decision = decide(&snapshot, &call);
        let (explained, _) = explain(&snapshot, &call);
        // Looking only at candidates is no other answer than looking at every route.
        assert_eq!(decision.place, explained.place, "{call:?}");
        assert_eq!(decision.caller_match, explained.caller_match);
    }
}

/// An index without contacts.
fn nobody() -> Arc<ContactIndex> {
    static NOBODY: OnceLock<Arc<ContactIndex>> = OnceLock::new();
    let build = || Arc::new(ContactIndexBuilder::new(Vec::new()).unwrap().finish(true).unwrap());
    Arc::clone(NOBODY.get_or_init(build))
}
