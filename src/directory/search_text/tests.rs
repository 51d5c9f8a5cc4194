use super::*;

/// Number, phonebooks, name, company, email address, numbers with their texts.
type Person =
    (u64, &'static [u32], &'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const PEOPLE: [Person; 6] = [
    (3, &[1], "Grace Hopper", "Navy", "grace@navy.example", &[("+4930901821", "030 901821")]),
    (5, &[1, 2], "Ada Lovelace", "Analytical Engines", "", &[("+4930901820", "+49 30 901820")]),
    (8, &[2], "Béla Bartók", "Zene Kft", "", &[("+3612345678", "06 1 234 5678")]),
    (9, &[], "Nobody's", "", "", &[("+4930901822", "030 901822")]),
    (12, &[2], "ada", "4711 GmbH", "", &[("112", "112"), ("+442079460018", "(020) 7946 0018")]),
    (13, &[1], "Ärzte\nHaus", "3-4 KG 100%", "", &[]),
];

fn text() -> SearchText {
    let mut builder = SearchTextBuilder::default();
    for (id, phonebooks, name, company, email, numbers) in PEOPLE {
        let phonebooks: Vec<PhonebookId> = phonebooks.iter().map(|id| PhonebookId(*id)).collect();
        let numbers = numbers.iter().map(|(number, raw)| (number.parse().unwrap(), *raw));
        builder.push(ContactId(id), &phonebooks, [name, company, email], numbers);
    }
    builder.finish()
}

fn found(query: &str) -> Vec<u64> {
    text().by_id(&Query::parse(query), None, None, 100).into_iter().map(|id| id.0).collect()
}

#[test]
fn any_part_of_a_name_company_address_or_number_finds_a_contact() {
    for (query, expected) in [
        ("", vec![3, 5, 8, 9, 12, 13]),
        ("  ", vec![3, 5, 8, 9, 12, 13]),
        ("hopp", vec![3]),
        ("HOPPER grace", vec![3]),
        ("ada", vec![5, 12]),
        ("ada engines", vec![5]),
        ("bartó", vec![8]),
        ("ÄRZTE haus", vec![13]),
        ("navy.ex", vec![3]),
        ("90182", vec![3, 5, 9]),
        ("030 90182", vec![3, 5, 9]),
        ("+49 (30) 901-821", vec![3]),
        ("0049 30 901821", vec![3]),
        ("06 1 234", vec![8]),
        ("+36 1 234", vec![8]),
        ("020 7946", vec![12]),
        ("112", vec![12]),
        ("4711", vec![12]),
        ("3-4", vec![8, 13]),
        ("100%", vec![13]),
        ("grace 901-821", vec![3]),
        ("nobody's", vec![9]),
        ("901821 901820", vec![]),
        ("821grace", vec![]),
        ("xyz", vec![]),
    ] {
        // "34" is in 2345678.
        assert_eq!(found(query), expected, "{query:?}");
    }
}

#[test]
fn nothing_is_found_across_the_ends_of_texts() {
    for query in ["hoppernavy", "navy grace@navy.example49", "1820 béla", "901821ada"] {
        let expected: &[u64] = &[];
        assert_eq!(found(query), expected, "{query:?}");
    }
}

#[test]
fn pages_by_name_and_by_number_have_every_visible_contact_once() {
    let text = text();
    let names = |query: &str, shown: u32, size: usize| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let query = Query::parse(query);
            let page = text.by_name(&query, |id| id == PhonebookId(shown), after.as_ref(), size);
            assert!(page.len() <= size);
            let Some(last) = page.last() else { return all };
            after = Some(last.clone());
            all.extend(page.into_iter().map(|place| place.id.0));
        }
    };
    for size in 1..4 {
        assert_eq!(names("", 1, size), [5, 3, 13]);
        assert_eq!(names("", 2, size), [12, 5, 8]);
        assert_eq!(names("a", 2, size), [12, 5, 8]);
        assert_eq!(names("90182", 1, size), [5, 3]);
        assert_eq!(names("", 3, size), Vec::<u64>::new());
    }
    let by_id = |after, limit| text.by_id(&Query::parse("a"), Some(PhonebookId(2)), after, limit);
    assert_eq!(by_id(None, 2), [ContactId(5), ContactId(8)]);
    assert_eq!(by_id(Some(ContactId(8)), 2), [ContactId(12)]);
    assert_eq!(by_id(Some(ContactId(7)), 2), [ContactId(8), ContactId(12)]);
    assert!(by_id(Some(ContactId(99)), 2).is_empty());
}

/// Against the plainest search there is, over texts of few letters, where much is found.
#[test]
fn what_is_found_is_what_a_plain_search_finds() {
    let mut seed = 17_u64;
    let mut draw = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut word =
        move |most: u64| -> String { (0..=draw(most)).map(|_| ['a', 'b', 'c'][draw(3) as usize]).collect() };
    let people: Vec<[String; 3]> = (0..500).map(|_| std::array::from_fn(|_| word(6))).collect();
    let mut builder = SearchTextBuilder::default();
    for (id, texts) in people.iter().enumerate() {
        let texts = std::array::from_fn(|place| texts[place].as_str());
        builder.push(ContactId(id as u64 + 1), &[PhonebookId(1)], texts, std::iter::empty());
    }
    let text = builder.finish();
    for _ in 0..300 {
        let (first, second) = (word(3), word(3));
        let query = Query::parse(&format!("{first} {second}"));
        let expected: Vec<ContactId> = (1..)
            .zip(&people)
            .filter(|(_, texts)| {
                [&first, &second].iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
            })
            .map(|(id, _)| ContactId(id))
            .collect();
        assert_eq!(text.by_id(&query, None, None, 1000), expected, "{first} {second}");
    }
}
