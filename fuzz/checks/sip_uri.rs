//! Callers as networks give them: numbers, SIP and tel URIs, name-addrs. However an address is wrapped, it names the
//! same caller.

use ringroute::phone_number::{Caller, MAX_CALLER_BYTES, Region, withheld_word};

pub(crate) fn check(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(raw) = std::str::from_utf8(text) else { return };
    let region: Option<Region> = [None, Some("DE"), Some("US"), Some("IT")][usize::from(*choice) % 4]
        .map(|name| name.parse().unwrap());
    let parse = |text: &str| Caller::parse(text, region);
    // One that was shortened to be looked at is another one.
    let fits = |text: &str| text.len() <= MAX_CALLER_BYTES;

    let caller = parse(raw);
    let _ = withheld_word(raw);
    if !fits(raw) {
        assert!(matches!(caller, Caller::Invalid(_)), "{} bytes are read", raw.len());
        return;
    }
    if !raw.contains(['<', '>', '"']) {
        for wrapped in
            [format!("<{raw}>"), format!("\"A <b> \\\" c\" <{raw}>;tag=1"), format!("Name < {raw} >")]
        {
            if fits(&wrapped) {
                assert_eq!(parse(&wrapped), caller, "{wrapped:?}");
            }
        }
    }
    for scheme in ["sip:", "sips:", "tel:"] {
        if let Some(rest) = raw.strip_prefix(scheme) {
            assert_eq!(parse(&format!("{}{rest}", scheme.to_uppercase())), caller, "{raw:?}");
        }
    }
    if let Some(rest) = raw.strip_prefix("sips:") {
        assert_eq!(parse(&format!("sip:{rest}")), caller, "{raw:?}");
    }
    let Caller::Number(number) = caller else { return };
    assert!(number.is_e164() || !number.to_string().starts_with('+'));
    if number.is_e164() {
        let digits = number.digits();
        for uri in [
            format!("sip:{number}@pbx.example:5060;user=phone?Subject=x"),
            format!("sip:%2B{}@pbx.example", &*digits),
            format!("sip:{number};ext=12:secret@[2001:db8::1]"),
            format!("sip:{number}"),
            format!("tel:{number};phone-context=ignored.example"),
            format!("\"{number}\" <sips:{number}@pbx.example>;tag=1"),
            format!("{number}@pbx.example"),
        ] {
            assert_eq!(parse(&uri), Caller::Number(number), "{uri}");
        }
    }
}
