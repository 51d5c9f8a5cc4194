//! Statements to try: such as people write, such as attackers write, and both with something changed.

use proptest::prelude::*;
use proptest::sample::select;

/// The hostile statements that are tried by name, too.
const CASES: &str = include_str!("../sync_filters.toml");

const COLUMNS: [&str; 6] = ["t.id", "t.[id]", "t.belongto", "t.[order]", "t.\"note\"", "t.firm_id"];

fn expression() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        select(&COLUMNS[..]).prop_map(str::to_owned),
        (0..1000_u32).prop_map(|number| number.to_string()),
        select(vec!["'Sales'", "''", "'it''s'", "'a;b--c/*d'", "'ü ｘ \u{3000}'", "2.5", "null", "'${MAP}'"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let two = (inner.clone(), select(vec!["+", "-", "*", "/", "%"]), inner.clone());
        prop_oneof![
            two.prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.clone().prop_map(|inner| format!("-({inner})")),
            inner.clone().prop_map(|inner| format!("coalesce({inner}, 'x')")),
            inner.clone().prop_map(|inner| format!("nullif({inner}, '')")),
            inner.clone().prop_map(|inner| format!("upper({inner})")),
            inner.clone().prop_map(|inner| format!("cast({inner} as int)")),
            inner.clone().prop_map(|inner| format!("case when {inner} = 1 then 'a' else {inner} end")),
        ]
    })
    .boxed()
}

fn condition() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        (expression(), select(vec!["=", "<>", "!=", "<", ">", "<=", ">="]), expression())
            .prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
        expression().prop_map(|inner| format!("{inner} is not null")),
        expression().prop_map(|inner| format!("{inner} in (1, 'x', {inner})")),
        expression().prop_map(|inner| format!("{inner} not like 'S%' escape '!'")),
        (expression(), expression()).prop_map(|(low, high)| format!("t.id between {low} and {high}")),
        expression().prop_map(|inner| format!(
            "exists (select * from crm.firms f where f.id = t.firm_id and {inner} = 1)"
        )),
        expression()
            .prop_map(|inner| format!("t.id in (select id from [dbo].[the table] where note = {inner})")),
        Just("t.id = (select max(id) from dbo.firms)".to_owned()),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} and {right}")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} or {right})")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
    .boxed()
}

/// Statements that are sync filters. Their own table is `t`.
pub(crate) fn valid() -> impl Strategy<Value = String> {
    let table = select(vec![
        "testpbx.contacts",
        "dbo.[the table]",
        "[crm].contacts",
        "\"dbo\".\"contacts\"",
        "dbo . firms",
    ]);
    let alias = select(vec![" t", " as t", " [t]"]);
    let join = prop_oneof![
        8 => Just(String::new()),
        1 => condition().prop_map(|on| format!(" left outer join crm.firms as g on {on}")),
        1 => Just(" inner join dbo.firms g on g.id = t.firm_id".to_owned()),
        1 => Just(" cross join crm.firms g".to_owned()),
        1 => Just(", crm.firms g".to_owned()),
    ];
    let condition = prop::option::of(condition());
    let order = prop::option::of((
        select(vec!["t.id", "t.belongto", "upper(t.note)"]),
        select(vec!["", " asc", " desc"]),
    ));
    let style = (any::<bool>(), select(vec![" ", "  ", "\n", "\t", "\r\n"]), select(vec!["", ";", " ; \n"]));
    (table, alias, join, condition, order, style).prop_map(|(table, alias, join, condition, order, style)| {
        let (capitals, space, end) = style;
        let mut text = format!("select ${{MAP}} from {table}{alias}{join}");
        if let Some(condition) = condition {
            text += &format!(" where {condition}");
        }
        if let Some((column, direction)) = order {
            text += &format!(" order by {column}{direction}");
        }
        if capitals {
            for word in ["select ", " from ", " where ", " order by ", " and ", " join ", " desc"] {
                text = text.replace(word, &word.to_uppercase());
            }
        }
        // Only spaces outside of quotes are changed, or the meaning would be.
        if !text.contains(['\'', '[', '"']) {
            text = text.replace(' ', space);
        }
        text + end
    })
}

/// Statements that must be refused, as they are and in the middle of what is valid.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let cases: toml::Table = toml::from_str(CASES).unwrap();
    let refused: Vec<String> = cases["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["filter"].as_str().unwrap().to_owned())
        .collect();
    let behind = select(vec![
        "; delete from dbo.contacts",
        "\ndelete from dbo.contacts",
        " drop table dbo.contacts",
        ";exec sp_who",
        " exec('drop table dbo.contacts')",
        " execute sp_who",
        " union select name from dbo.users",
        " union all select 1",
        " except select 1",
        " intersect select 1",
        " for xml auto",
        " for json path",
        " for browse",
        " with (nolock)",
        " option (maxdop 1)",
        " offset 1 rows",
        " waitfor delay '0:0:9'",
        " shutdown with nowait",
        " -- x",
        " /* x */",
        "; select 1",
        " select 1",
        " update dbo.contacts set id = 1",
        " insert into dbo.contacts values (1)",
        " truncate table dbo.contacts",
        " merge dbo.contacts using dbo.b on 1 = 1 when matched then delete",
        " declare @x int",
        " use master",
        " kill 51",
        " grant control to public",
        " backup database x to disk = 'x'",
        " receive top (1) * from dbo.q",
        " begin tran",
        " commit",
        " revert",
        " \u{ff1b}delete from dbo.contacts",
        " un\u{131}on select 1",
    ]);
    prop_oneof![
        select(refused),
        (valid(), behind)
            .prop_map(|(text, behind)| { format!("{}{behind}", text.trim_end_matches([';', ' ', '\n'])) }),
    ]
}

/// What is put somewhere into a statement.
#[rustfmt::skip] // one a line would be a page of its own
const PIECES: &[&str] = &[
    "'", "''", "\"", "[", "]", "]]", "(", ")", ";", ",", ".", "..", "--", "/*", "*/", "*", "=", "<", ">", "+", "-", "%",
    "&", "|", "^", "~", "!", ":", "::", "{", "}", "\\", "`", "@", "@@", "@x", "#", "##t", "$", "${MAP}", "${map}", "$1",
    "0x", "1e5", "1", "N'x'", "'x'", "[x]", "\0", "\u{1}", "\t", "\r", "\n", "\u{b}", "\u{c}", "\u{85}", "\u{a0}",
    "\u{ad}", "\u{200b}", "\u{200d}", "\u{202e}", "\u{2028}", "\u{2029}", "\u{3000}", "\u{feff}", "\u{ff07}", "\u{ff1b}",
    "\u{2019}", "\u{2bc}", "ü", "ß", "ı", "ſ", "İ", "Ａ", "о", "😀", " union ", " select ", " into dbo.x ", " top 1 ",
    " top(1) ", " distinct ", " all ", " exec ", " execute ", " delete from dbo.a ", " drop table dbo.a ", " insert ",
    " update ", " merge ", " set ", " use x ", " with (nolock) ", "(nolock)", "(tablock)", " holdlock ", " for xml path ",
    " for json auto ", " for update ", " option(recompile) ", " offset 1 rows ", " fetch next 1 rows only ", " limit 1 ",
    " group by id ", " having 1=1 ", " over (order by id) ", " cross apply dbo.f(1) ", " outer apply ", " pivot ",
    " tablesample (1) ", " openrowset('a','b','c') ", " openquery(a,'b') ", ", dbo.b", ", b", ", a.b.c", ", a.b.c.d",
    " join b on 1=1 ", " join dbo.b on 1=1 ", " natural join dbo.b ", " inner loop join dbo.b on 1=1 ", " throw ",
    " throw 50000, 'x', 1 ", " receive * from dbo.q ", " send on conversation 'x' ", " enable trigger x on dbo.a ",
    " shutdown ", " reconfigure ", " checkpoint ", " go ", "\ngo\n", " end ", " begin ", " commit ", " return ", " print 1 ",
    " declare @x int ", " if 1=1 ", " while 1=1 ", " goto x ", " waitfor delay '1' ", " values (1) ", " as ", " as t(x) ",
    " and ", " or ", " not ", " in ", " in (select id from b)", " exists (select 1) ", " is null ", " like ", " between ",
    " case ", " when ", " collate x ", " null ", " default ", " current_user ", " next value for dbo.s ", " dbo.f(1) ",
    ".value('x','int')", " any (select 1) ", " at time zone 'x' ", " union all select * from dbo.a ", " window w as () ",
    " qualify 1=1 ", " returning id ", " attach ", " pragma x ", " replace into ", " glob 'x' ", " regexp 'x' ", " match 'x' ",
    " isnull ", " notnull ", " indexed by x ", " on conflict do nothing ", " lateral ", " start with ", " connect by ",
    " sort by x ", " format x ", " settings x=1 ", " prewhere 1=1 ", " asof ", " using (id) ", " straight_join ", " final ",
];

#[derive(Debug, Clone)]
enum Change {
    Insert(prop::sample::Index, &'static str),
    Replace(prop::sample::Index, &'static str),
    Remove(prop::sample::Index, usize),
    Twice(prop::sample::Index, usize),
    Character(prop::sample::Index, char),
    Lookalike(prop::sample::Index),
    Join,
}

/// The texts, each with a few changes.
pub(crate) fn mutated(texts: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let index = any::<prop::sample::Index>;
    let change = prop_oneof![
        6 => (index(), select(PIECES)).prop_map(|(at, piece)| Change::Insert(at, piece)),
        3 => (index(), select(PIECES)).prop_map(|(at, piece)| Change::Replace(at, piece)),
        2 => (index(), 1..6_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        2 => (index(), 1..20_usize).prop_map(|(at, count)| Change::Twice(at, count)),
        1 => (index(), any::<char>()).prop_map(|(at, c)| Change::Character(at, c)),
        1 => index().prop_map(Change::Lookalike),
        1 => Just(Change::Join),
    ];
    (texts, prop::collection::vec(change, 1..3)).prop_map(|(text, changes)| {
        let mut text: Vec<char> = text.chars().collect();
        changes.into_iter().for_each(|change| apply(&mut text, change));
        text.into_iter().collect()
    })
}

fn apply(text: &mut Vec<char>, change: Change) {
    let place = |at: prop::sample::Index, text: &[char]| at.index(text.len() + 1);
    match change {
        Change::Insert(at, piece) => {
            // Mostly between words, where more of it is understood.
            let mut at = place(at, text);
            if piece.starts_with(' ') {
                at += text[at..].iter().take_while(|c| **c != ' ').count();
            }
            text.splice(at..at, piece.chars());
        }
        Change::Replace(at, piece) => {
            let start = place(at, text);
            let end = start + text[start..].iter().take_while(|c| c.is_alphanumeric()).count();
            text.splice(start..end, piece.chars());
        }
        Change::Remove(at, count) => {
            let start = place(at, text);
            let end = (start + count).min(text.len());
            text.drain(start..end);
        }
        Change::Twice(at, count) => {
            let start = place(at, text);
            let part = text[start..(start + count).min(text.len())].to_vec();
            text.splice(start..start, part);
        }
        Change::Character(at, c) => {
            let at = place(at, text);
            text.insert(at, c);
        }
        Change::Lookalike(at) => {
            let at = place(at, text);
            let Some(found) = text[at..].iter_mut().find(|c| "ieoscxaIS;'(".contains(**c)) else { return };
            *found = match *found {
                'i' => 'ı',
                'I' => 'İ',
                's' | 'S' => 'ſ',
                'e' => 'е',
                'o' => 'о',
                'c' => 'с',
                'x' => 'х',
                'a' => 'ａ',
                ';' => '\u{ff1b}',
                '\'' => '\u{2019}',
                _ => '\u{ff08}',
            };
        }
        Change::Join => {
            let more: Vec<char> = " select * from dbo.a".chars().collect();
            text.extend(more);
        }
    }
}
