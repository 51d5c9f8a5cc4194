//! Files, environment variables, and what is refused.

use super::*;

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringroute.toml");
    std::fs::write(&path, file).unwrap();
    Config::load(Some(&path), environment.iter().map(|(name, value)| (name.into(), value.into())))
}

fn error(file: &str, environment: &[(&str, &str)]) -> String {
    load(file, environment).unwrap_err().to_string()
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let config = load("", &[]).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
    assert_eq!(config.data_folder, Path::new("ringroute-data"));
    assert_eq!(config.log, LogConfig { level: LogLevel::Info, format: LogFormat::Text });
    assert!(!config.insecure);
}

#[test]
fn the_file_is_not_needed_unless_it_is_named() {
    // Tests run in the folder of the crate, which has no such file.
    assert_eq!(Config::load(None, []).unwrap(), Config::default());
    let missing = Path::new("no-such-folder/ringroute.toml");
    assert!(matches!(
        Config::load(Some(missing), []),
        Err(ConfigError::Unreadable { path, .. }) if path == missing
    ));
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = "listen = '127.0.0.1:1'\ndata_folder = 'a'\n[log]\nlevel = 'warn'\nformat = 'json'";
    let config = load(file, &[]).unwrap();
    assert_eq!((config.listen.to_string().as_str(), config.log.level), ("127.0.0.1:1", LogLevel::Warn));
    assert_eq!((config.data_folder, config.log.format), ("a".into(), LogFormat::Json));

    let config = load(
        file,
        &[
            ("RINGROUTE_LISTEN", "[::]:2"),
            ("RINGROUTE_DATA_FOLDER", "b"),
            ("RINGROUTE_LOG_LEVEL", "trace"),
            ("RINGROUTE_LOG_FORMAT", "text"),
            ("RINGROUTE_INSECURE", "true"),
        ],
    )
    .unwrap();
    let log = LogConfig { level: LogLevel::Trace, format: LogFormat::Text };
    let listen = "[::]:2".parse().unwrap();
    let expected = Config { listen, data_folder: "b".into(), insecure: true, log, ..Config::default() };
    assert_eq!(config, expected);
}

#[test]
fn an_empty_variable_is_not_set() {
    assert_eq!(
        load("data_folder = 'a'", &[("RINGROUTE_DATA_FOLDER", "")]).unwrap().data_folder,
        Path::new("a")
    );
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let message = error("\n\nlisen = '127.0.0.1:1'", &[]);
    assert!(message.ends_with("line 3, column 1: unknown key `lisen`: did you mean `listen`?"), "{message}");
    assert!(error("[log]\nlevels = 'info'", &[]).contains("did you mean `level`?"));
    assert!(error("warnings = []", &[]).contains("unknown key `warnings`"));
}

#[test]
fn values_that_cannot_be_are_refused_by_name() {
    assert!(
        error("listen = 'localhost:1'", &[])
            .contains("line 1, column 10: \"localhost:1\" is not an IP address")
    );
    assert!(error("log = { level = 'inof' }", &[]).contains("unknown name `inof`: did you mean `info`?"));
    for (name, value, expected) in [
        ("RINGROUTE_LISTEN", "50051", "\"50051\" is not an IP address and a port, such as 127.0.0.1:50051"),
        ("RINGROUTE_LOG_LEVEL", "trce", "unknown name `trce`: did you mean `trace`?"),
        ("RINGROUTE_LOG_FORMAT", "xml", "unknown name `xml`, expected one of: text, json"),
        ("RINGROUTE_INSECURE", "yes", "\"yes\" is not true or false"),
    ] {
        let message = error("", &[(name, value)]);
        assert!(message.starts_with(&format!("environment variable {name}: {expected}")), "{message}");
    }
    assert!(matches!(load("data_folder = ''", &[]), Err(ConfigError::NoDataFolder)));
}

#[test]
fn other_machines_are_let_in_only_when_the_file_says_so() {
    for listen in ["0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1"] {
        let file = format!("listen = '{listen}'");
        assert!(matches!(load(&file, &[]), Err(ConfigError::Exposed { .. })), "{listen}");
        assert!(load(&format!("{file}\ninsecure = true"), &[]).is_ok(), "{listen}");
        assert!(load(&file, &[("RINGROUTE_INSECURE", "true")]).is_ok(), "{listen}");
    }
    for listen in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(load(&format!("listen = '{listen}'"), &[]).is_ok(), "{listen}");
    }
    // The variable decides, not the file.
    assert!(load("listen = '127.0.0.1:1'", &[("RINGROUTE_LISTEN", "0.0.0.0:1")]).is_err());
    assert!(load("listen = '0.0.0.0:1'\ninsecure = true", &[("RINGROUTE_INSECURE", "false")]).is_err());
}

const TLS: &str = "[tls]\ncertificate = 'c.pem'\nkey = 'k.pem'";

#[test]
fn other_machines_are_let_in_with_tls_and_then_only_with_tokens() {
    let exposed = load(&format!("listen = '0.0.0.0:1'\n{TLS}"), &[]).unwrap();
    assert!(exposed.requires_tokens() && !exposed.require_tokens);
    let trusted = load(&format!("listen = '0.0.0.0:1'\ninsecure = true\n{TLS}"), &[]).unwrap();
    assert!(!trusted.requires_tokens());
    assert!(!load(TLS, &[]).unwrap().requires_tokens(), "this machine alone reaches it");
    for file in ["listen = '0.0.0.0:1'\ninsecure = true", "", "listen = 'unix:/run/r.sock'"] {
        let asked = load(file, &[("RINGROUTE_REQUIRE_TOKENS", "true")]).unwrap();
        assert!(asked.requires_tokens(), "{file}");
    }
}

#[cfg(unix)]
#[test]
fn a_socket_is_an_address_too() {
    for listen in ["unix:/run/r.sock", "unix:///run/r.sock"] {
        let config = load("", &[("RINGROUTE_LISTEN", listen)]).unwrap();
        assert_eq!(config.listen, ListenAddress::Unix("/run/r.sock".into()));
        assert_eq!(config.listen.to_string(), "unix:/run/r.sock");
    }
    assert!(error("listen = 'unix:'", &[]).contains("names no socket"));
}

#[test]
fn two_doors_at_one_address_are_refused() {
    let twice = error("listen = '127.0.0.1:4711'\nmetrics = '127.0.0.1:4711'", &[]);
    assert!(twice.starts_with("metrics: 127.0.0.1:4711 is the address of listen too"), "{twice}");
    let twice = error("metrics = '127.0.0.1:4711'\n[console]\naddress = '127.0.0.1:4711'", &[]);
    assert!(twice.starts_with("console.address: 127.0.0.1:4711 is the address of metrics too"), "{twice}");
    // Those of the other kind are others.
    let insecure = "insecure = true\nlisten = '0.0.0.0:4711'";
    let twice = error(&format!("{insecure}\nmetrics = '127.0.0.1:4711'"), &[]);
    assert!(twice.starts_with("metrics: 127.0.0.1:4711 is the address of listen too"), "{twice}");
    load(&format!("{insecure}\nmetrics = '[::1]:4711'"), &[]).unwrap();
}

#[test]
fn bounds_and_certificates_that_cannot_be_are_refused() {
    assert!(error("[bounds]\ncalls = 0", &[]).starts_with("bounds.calls: 0 is not 1 to 1000000"));
    assert!(error("[bounds]\nconnections = 100001", &[]).starts_with("bounds.connections: 100001"));
    assert!(error("[tls]\ncertificate = 'c.pem'", &[]).contains("the key `key` is missing"));
    assert!(error("[tls]\ncertificate = ''\nkey = 'k'", &[]).starts_with("tls.certificate: is empty"));
}

#[test]
fn other_machines_read_the_metrics_only_when_the_file_says_so() {
    assert_eq!(load("", &[]).unwrap().metrics, None, "off unless asked for");
    for metrics in ["0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[::ffff:192.0.2.1]:1"] {
        let file = format!("metrics = '{metrics}'");
        assert!(matches!(load(&file, &[]), Err(ConfigError::MetricsExposed { .. })), "{metrics}");
        assert!(load("", &[("RINGROUTE_METRICS", metrics)]).is_err(), "{metrics}");
        let trusted = load(&format!("{file}\ninsecure = true"), &[]).unwrap();
        assert!(!trusted.requires_tokens_for_metrics(), "{metrics}");
        let encrypted = load(&format!("{file}\n{TLS}"), &[]).unwrap();
        assert!(encrypted.requires_tokens_for_metrics(), "{metrics}");
        assert!(!encrypted.requires_tokens(), "gRPC is on loopback");
        assert_eq!(encrypted.exposed(), Some(("metrics", metrics.parse().unwrap())));
    }
    for metrics in ["127.0.0.1:9464", "[::1]:9464"] {
        let config = load("", &[("RINGROUTE_METRICS", metrics)]).unwrap();
        assert_eq!(config.metrics, Some(metrics.parse().unwrap()));
        assert!(!config.requires_tokens_for_metrics() && config.exposed().is_none());
        let asked = load(&format!("metrics = '{metrics}'\nrequire_tokens = true"), &[]).unwrap();
        assert!(asked.requires_tokens_for_metrics());
    }
    let error = load("metrics = 'localhost:9464'", &[]).unwrap_err().to_string();
    assert!(error.contains("localhost:9464") && error.contains("an IP address and a port"), "{error}");
}

#[test]
fn other_machines_see_the_console_only_with_tls_or_when_the_file_says_so() {
    for address in ["0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[::ffff:192.0.2.1]:1"] {
        let file = format!("console.address = '{address}'");
        let refused = load(&file, &[]).unwrap_err();
        assert!(matches!(refused, ConfigError::ConsoleExposed { .. }), "{address}");
        assert!(refused.to_string().contains("Set [tls]"), "{refused}");
        assert!(load(&format!("{file}\n{TLS}"), &[]).is_ok(), "{address}");
        assert!(load(&format!("{file}\ninsecure = true"), &[]).is_ok(), "{address}");
        assert!(load(&format!("{file}\nconsole.enabled = false"), &[]).is_ok(), "{address}");
    }
}

#[test]
fn misspelled_variables_are_warned_about() {
    let warnings = |name: &str| load("", &[(name, "x")]).unwrap().warnings;
    assert_eq!(
        warnings("RINGROUTE_DATAFOLDER"),
        ["environment variable RINGROUTE_DATAFOLDER means nothing: did you mean RINGROUTE_DATA_FOLDER?"]
    );
    assert_eq!(warnings("RINGROUTE_LISEN").len(), 1);
    for name in
        ["RINGROUTE_SERVER", "RINGROUTE_TEST_LISTEN", "RINGROUTE_RELEASE_PROTO", "RINGROUTE_HOME", "LISTEN"]
    {
        assert!(warnings(name).is_empty(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn bytes_that_are_not_unicode_are_a_folder_or_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = OsString::from_vec(vec![b'a', 0xff]);
    let config = |name: &str| Config::load(None, [(name.into(), bytes.clone())]);
    assert_eq!(config("RINGROUTE_DATA_FOLDER").unwrap().data_folder, Path::new(&bytes));
    for name in ["RINGROUTE_LISTEN", "RINGROUTE_LOG_LEVEL", "RINGROUTE_INSECURE"] {
        assert!(matches!(config(name), Err(ConfigError::Variable { .. })), "{name}");
    }
    let name = OsString::from_vec(b"RINGROUTE_\xff".to_vec());
    assert!(Config::load(None, [(name, "x".into())]).is_ok());
}

const MAIL: &str = "[mail]\nhost = 'mail.example.com'\nfrom = 'Ringroute <ringroute@example.com>'\n";

#[test]
fn a_mail_server_needs_a_name_and_a_sender() {
    let mail = load(MAIL, &[]).unwrap().mail.unwrap();
    assert_eq!((mail.encryption, mail.port(), mail.timeout_seconds), (MailEncryption::Starttls, 587, 30));
    let usual =
        |encryption| load(&format!("{MAIL}encryption = '{encryption}'"), &[]).unwrap().mail.unwrap().port();
    assert_eq!((usual("tls"), usual("dangerously_none")), (465, 25));
    let whole = format!(
        "{MAIL}port = 2525\nuser = 'u'\npassword = 'env:P'\nca_file = 'ca.pem'\n[webhook]\nca_file = 'ca.pem'"
    );
    let config = load(&whole, &[]).unwrap();
    assert_eq!((config.mail.unwrap().port(), config.webhook.timeout_seconds), (2525, 10));
}

#[test]
fn what_is_wrong_with_a_mail_server_is_told() {
    for (more, expected) in [
        ("password = 'env:P'", "mail.user: user and password belong together"),
        ("user = 'u'", "mail.user: user and password belong together"),
        ("user = 'u'\npassword = ''", "mail.password: is empty"),
        ("user = 'u'\npassword = 'stored:'", "mail.password: nothing is stored"),
        (
            "user = 'u'\npassword = 'x'\nencryption = 'dangerously_none'",
            "mail.encryption: the password could be read",
        ),
        ("port = 0", "mail.port: 0 is no port"),
        ("timeout_seconds = 0", "mail.timeout_seconds: 0 is not 1 to 600"),
        ("[webhook]\ntimeout_seconds = 601", "webhook.timeout_seconds: 601 is not 1 to 600"),
    ] {
        let message = error(&format!("{MAIL}{more}"), &[]);
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(error("[mail]\nhost = 'mail.example.com'", &[]).contains("the key `from` is missing"));
    let with_port = error("[mail]\nhost = 'mail.example.com:587'\nfrom = 'a@example.com'", &[]);
    assert!(with_port.contains("write host = \"mail.example.com\" and port = 587"), "{with_port}");
    assert!(error("[mail]\nhost = ' '\nfrom = 'a@example.com'", &[]).starts_with("mail.host: is empty"));
    assert!(error(&format!("{MAIL}encryption = 'none'"), &[]).contains("unknown name `none`"));
    for from in ["ringroute", "Ring <ring@example.com>\\r\\nBcc: x@example.com", "ring@müller.example"] {
        let message = error(&format!("[mail]\nhost = 'h'\nfrom = \"{from}\""), &[]);
        assert!(message.contains("is not an email address, such as"), "{message}");
    }
}

#[test]
fn where_spans_are_sent_is_a_url_of_grpc_and_in_clear_only_on_this_machine() {
    assert_eq!(load("", &[]).unwrap().traces, TracesConfig { endpoint: None, sample: 0.0 });
    for endpoint in
        ["http://127.0.0.1:4317", "http://localhost:4317/", "http://[::1]:4317", "https://otel.example.com"]
    {
        let config = load("", &[("RINGROUTE_TRACES_ENDPOINT", endpoint)]).unwrap();
        assert_eq!(config.traces.endpoint.as_deref(), Some(endpoint));
        assert!(load(&format!("[traces]\nendpoint = '{endpoint}'\nsample = 1"), &[]).is_ok(), "{endpoint}");
    }
    for (endpoint, expected) in [
        ("127.0.0.1:4317", "\"127.0.0.1:4317\" is not a whole URL; http://127.0.0.1:4317 or https://"),
        ("a b", "is not a URL"),
        ("grpc://127.0.0.1:4317", "\"grpc\" is no scheme of a receiver"),
        ("https://otel.example.com/v1/traces", "\"https://otel.example.com/v1/traces\" has a path"),
        ("http://192.0.2.1:4317", "\"http://192.0.2.1:4317\" can be read on the way; write https://"),
        ("https://key@otel.example.com", "there is a user in the URL"),
    ] {
        let message = error(&format!("traces.endpoint = '{endpoint}'"), &[]);
        assert!(message.starts_with(&format!("traces.endpoint: {expected}")), "{message}");
        assert!(!message.contains("key@"), "{message}");
    }
    assert!(load("insecure = true\ntraces.endpoint = 'http://192.0.2.1:4317'", &[]).is_ok());
    for sample in ["-0.1", "1.5", "nan"] {
        let message = error(&format!("traces.sample = {sample}"), &[]);
        let found = sample.replace("nan", "NaN");
        assert!(message.starts_with(&format!("traces.sample: {found} is not 0 to 1")), "{message}");
    }
}
