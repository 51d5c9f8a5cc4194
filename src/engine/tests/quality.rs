//! What should be put right in a source is found, counted and listed in pages.

use super::*;
use crate::sync::quality::QualityKind;

fn told(findings: &[QualityFinding]) -> Vec<(QualityKind, String, Vec<&str>)> {
    let told = findings.iter().map(|finding| {
        let keys = finding.contacts.iter().map(|contact| contact.source_key.as_str()).collect();
        (finding.kind, finding.number.map(|number| number.to_string()).unwrap_or_default(), keys)
    });
    told.collect()
}

async fn with_findings() -> Fixture {
    let fixture = Fixture::new();
    fixture.put(&[
        (1, "Berg", "030 1234567", "Sales"),
        (2, "Dorn", "+49 30 1234567", "Support"),
        (3, "Esch", "+44 20 7946 0123", "Sales"),
        (4, "ESCH", "0044 20 7946 0123", "Support"),
        (5, "Falk", "1234567", "Sales"),
        (6, "Good", "030 7654321", "Sales"),
        (7, "Haas", "0113 496 0018", "Sales"),
    ]);
    assert_eq!(fixture.sync().await.state, RunState::Succeeded);
    fixture
}

#[tokio::test]
async fn everything_is_found_once_whatever_the_size_of_the_pages() {
    let fixture = with_findings().await;
    let expected = [
        (QualityKind::DuplicateContact, "+442079460123".to_owned(), vec!["3", "4"]),
        (QualityKind::SharedNumber, "+49301234567".to_owned(), vec!["1", "2"]),
        (QualityKind::NotInRegion, "1234567".to_owned(), vec!["5"]),
        (QualityKind::OtherCountry, "+491134960018".to_owned(), vec!["7"]),
    ];
    for size in 1..6 {
        let (mut from, mut all) = (QualityPosition::Start, Vec::new());
        loop {
            let (page, next) = fixture.engine.quality_findings("CRM", None, from, size).unwrap();
            assert!(page.len() <= size);
            all.extend(page);
            let Some(next) = next else { break };
            // As a client keeps it.
            from = next.to_string().parse().unwrap();
        }
        assert_eq!(told(&all), expected, "in pages of {size}");
    }
    let report = fixture.engine.quality_report("crm").unwrap();
    assert_eq!((report.source.as_str(), report.contacts), ("crm", 7));
    for kind in QualityKind::ALL {
        let count = expected.iter().filter(|(found, ..)| *found == kind).count() as u64;
        assert_eq!(report.counts[&kind], count, "{kind:?}");
        let (listed, next) =
            fixture.engine.quality_findings("crm", Some(kind), QualityPosition::Start, 10).unwrap();
        assert_eq!((listed.len() as u64, next), (count, None));
    }
}

#[tokio::test]
async fn the_findings_of_a_contact_go_on_where_a_page_ended() {
    let fixture = Fixture::new();
    let mut source = fixture.engine.settings().unwrap().sources.remove(0);
    source.remove_missing = false;
    fixture.engine.by("test").update_source("crm", source, "").unwrap();
    fixture.put(&[(1, "Berg", "1234567", "Sales"), (2, "Dorn", "030 1234567", "Sales")]);
    fixture.sync().await;
    fixture.put(&[(2, "Dorn", "030 1234567", "Sales")]);
    fixture.sync().await;
    let page = |from| fixture.engine.quality_findings("crm", None, from, 1).unwrap();
    let (first, next) = page(QualityPosition::Start);
    let (second, end) = page(next.unwrap());
    assert_eq!([first[0].kind, second[0].kind], [QualityKind::NotInRegion, QualityKind::NotReceived]);
    assert_eq!([&first[0].contacts[0].source_key, &second[0].contacts[0].source_key], ["1", "1"]);
    assert_eq!(end, None);
}

#[tokio::test]
async fn a_source_without_a_key_is_a_finding_before_all_others() {
    let fixture = Fixture::new();
    let mut source = fixture.engine.settings().unwrap().sources.remove(0);
    source.field_map.key = None;
    fixture.engine.by("test").update_source("crm", source, "").unwrap();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 1234567", "Sales")]);
    fixture.sync().await;
    let page = |from| fixture.engine.quality_findings("crm", None, from, 1).unwrap();
    let (first, next) = page(QualityPosition::Start);
    let (second, end) = page(next.unwrap().to_string().parse().unwrap());
    assert_eq!([first[0].kind, second[0].kind], [QualityKind::NoKey, QualityKind::SharedNumber]);
    assert_eq!(end, None);
}

#[tokio::test]
async fn contacts_of_other_sources_are_named_but_not_reported_on() {
    let fixture = with_findings().await;
    fixture
        .source()
        .execute_batch(
            "CREATE TABLE partners (id, name, phone);
             INSERT INTO partners VALUES ('p', 'Partner', '030 7654321'), ('q', 'Other', '1234567');",
        )
        .unwrap();
    let mut source = fixture.engine.settings().unwrap().sources.remove(0);
    source.name = "partners".into();
    source.sync_filter = "select ${MAP} from main.partners order by id".into();
    source.phonebook = PhonebookTarget::New { name: PhonebookName::parse("Partners").unwrap() };
    fixture.engine.by("test").create_source(source).unwrap();
    assert_eq!(fixture.sync_source("partners").await.state, RunState::Succeeded);

    let of = |source| fixture.engine.quality_findings(source, None, QualityPosition::Start, 100).unwrap().0;
    let partners = of("partners");
    assert_eq!(
        told(&partners),
        [
            (QualityKind::SharedNumber, "+49307654321".to_owned(), vec!["6", "p"]),
            (QualityKind::SharedNumber, "1234567".to_owned(), vec!["5", "q"]),
            (QualityKind::NotInRegion, "1234567".to_owned(), vec!["q"]),
        ]
    );
    let sources: Vec<&str> = partners[0].contacts.iter().map(|contact| contact.source.as_str()).collect();
    assert_eq!(sources, ["crm", "partners"]);
    assert_eq!(of("crm").len(), 6, "the shared numbers are those of both");
    assert!(matches!(fixture.engine.quality_report("erp"), Err(EngineError::NotFound { .. })));
}

#[test]
fn positions_of_others_are_refused() {
    for text in [
        "x",
        "number:x",
        "contact:",
        "contact:1",
        "contact:-1:0",
        "contact:1:x",
        "17",
        "contact:9223372036854775808:0",
    ] {
        assert_eq!(text.parse::<QualityPosition>(), Err(ForeignPosition), "{text}");
    }
    for position in [
        QualityPosition::Start,
        QualityPosition::Numbers { after: None },
        QualityPosition::Numbers { after: "+4930".parse().ok() },
        QualityPosition::Numbers { after: "112".parse().ok() },
        QualityPosition::Contact { id: crate::contact::ContactId(7), skipped: 2 },
    ] {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
}
