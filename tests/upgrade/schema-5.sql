PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE generation (number INTEGER NOT NULL) STRICT;
INSERT INTO generation VALUES(3);
CREATE TABLE number_settings (settings TEXT NOT NULL) STRICT;
INSERT INTO number_settings VALUES('{"default_region":"DE","last_digits":8}');
CREATE TABLE trunk (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
INSERT INTO trunk VALUES(0,'{"name":"london","default_region":"GB"}');
CREATE TABLE inbound_route (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
INSERT INTO inbound_route VALUES(0,'{"name":"withheld","enabled":true,"withheld":true,"destination":{"type":"announcement","target":"no-number"}}');
INSERT INTO inbound_route VALUES(1,'{"name":"sales","enabled":true,"phonebooks":["Sales"],"times":[{"condition":"office"}],"alert_info":"<http://ring/sales>","destination":{"type":"queue","target":"6400"}}');
INSERT INTO inbound_route VALUES(2,'{"name":"support","enabled":true,"phonebooks":["Support"],"destination":{"type":"ring_group","target":"6300"}}');
INSERT INTO inbound_route VALUES(3,'{"name":"hot line","enabled":true,"dids":["+4930231250XX"],"destination":{"type":"ivr","target":"6500"}}');
CREATE TABLE source (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        folded_name TEXT NOT NULL UNIQUE,
        position INTEGER NOT NULL,
        settings TEXT NOT NULL,
        last_synced_at TEXT
    , changes_lost_until INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO source VALUES(1,'crm',0,'{"connection":{"csv":{"delimiter":",","path":"/srv/crm/people.csv"}},"enabled":true,"field_map":{"business_number":"tel","company":"company","first_name":"first","key":"id","last_name":"last","mobile_number":"mobile"},"guard":{"max_rejected_percent":50,"max_removed_contacts":100,"max_removed_percent":20},"name":"crm","phonebook":{"by_property":{"column":"team"}},"remove_missing":true,"schedule":{"daily":{"at":"03:00","time_zone":"Europe/Berlin"}},"sync_filter":"select ${MAP} from csv.contacts order by id"}','2026-11-24T15:47:08.092359257Z',0);
CREATE TABLE phonebook (
        -- Also its priority: the lower number comes first.
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        folded_name TEXT NOT NULL UNIQUE,
        -- Made by hand, so part of the settings, even while a source fills it.
        is_local INTEGER NOT NULL,
        source_id INTEGER REFERENCES source (id)
    ) STRICT;
INSERT INTO phonebook VALUES(1,'VIP','vip',1,NULL);
INSERT INTO phonebook VALUES(2,'Sales','sales',0,1);
INSERT INTO phonebook VALUES(3,'Support','support',0,1);
CREATE TABLE contact (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source_id INTEGER REFERENCES source (id),
        source_key TEXT NOT NULL,
        -- Of the details; tells at once whether a contact changed.
        digest BLOB NOT NULL,
        missing_since TEXT,
        details TEXT NOT NULL
    ) STRICT;
INSERT INTO contact VALUES(1,1,'1',X'85f9747e52061fd42e43822bc827108e',NULL,'{"first_name":"Ada","last_name":"Lovelace","company":"Analytical Engines","numbers":[{"label":"business_number","raw":"+49 30 901820","number":"+4930901820"},{"label":"mobile_number","raw":"0151 2345678","number":"+491512345678"}]}');
INSERT INTO contact VALUES(2,1,'2',X'df8b42a22437d8d198c48f7f4d77f678',NULL,'{"first_name":"Grace","last_name":"Murray Hopper","company":"Navy","numbers":[{"label":"business_number","raw":"030 901821","number":"+4930901821"}]}');
INSERT INTO contact VALUES(3,1,'3',X'8b59554c918ff4f7509e19ab4922953a',NULL,'{"first_name":"Alan","last_name":"Turing","numbers":[{"label":"business_number","raw":"+44 20 7946 0018","number":"+442079460018"}]}');
INSERT INTO contact VALUES(4,1,'4',X'7f80a84f99f6c5ee158a4c997e3a1a81',NULL,'{"first_name":"Charles","last_name":"Babbage","company":"Analytical Engines","numbers":[{"label":"business_number","raw":"0049 30 901820","number":"+4930901820"}]}');
INSERT INTO contact VALUES(5,1,'5',X'd1cdf075e01eb74a13f1738e9e8f76a6',NULL,'{"first_name":"Konrad","last_name":"Zuse","company":"Z","numbers":[{"label":"business_number","raw":"112","number":"112"}]}');
CREATE TABLE phonebook_contact (
        contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
        phonebook_id INTEGER NOT NULL REFERENCES phonebook (id),
        PRIMARY KEY (contact_id, phonebook_id)
    ) STRICT, WITHOUT ROWID;
INSERT INTO phonebook_contact VALUES(1,2);
INSERT INTO phonebook_contact VALUES(3,2);
INSERT INTO phonebook_contact VALUES(5,2);
INSERT INTO phonebook_contact VALUES(2,3);
INSERT INTO phonebook_contact VALUES(4,3);
CREATE TABLE sync_run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source_name TEXT NOT NULL,
        state TEXT NOT NULL,
        record TEXT NOT NULL
    ) STRICT;
INSERT INTO sync_run VALUES(1,'crm','finished','{"id":1,"source":"crm","kind":"sync","state":"succeeded","started_by":"grpc 127.0.0.1:48410","started_at":"2026-11-24T15:47:08.009582531Z","finished_at":"2026-11-24T15:47:08.030415719Z","counts":{"rows":6,"added":5,"changed":0,"moved":0,"unchanged":0,"rejected":1,"removed":0,"kept_missing":0,"dropped_numbers":0},"phases":[{"phase":"read","milliseconds":5},{"phase":"write","milliseconds":0},{"phase":"build","milliseconds":1},{"phase":"verify","milliseconds":0},{"phase":"commit","milliseconds":1}],"failure":"","warnings":[],"generation":2,"plan_digest":"5fb5f2357ed742f810413a94ea11055f","rules_digest":"","allowed_by":null,"to_before":null}');
INSERT INTO sync_run VALUES(2,'crm','finished','{"id":2,"source":"crm","kind":"sync","state":"succeeded","started_by":"grpc 127.0.0.1:48420","started_at":"2026-11-24T15:47:08.07128007Z","finished_at":"2026-11-24T15:47:08.098412802Z","counts":{"rows":6,"added":0,"changed":1,"moved":0,"unchanged":4,"rejected":1,"removed":0,"kept_missing":0,"dropped_numbers":0},"phases":[{"phase":"read","milliseconds":1},{"phase":"write","milliseconds":0},{"phase":"build","milliseconds":0},{"phase":"verify","milliseconds":0},{"phase":"commit","milliseconds":5}],"failure":"","warnings":[],"generation":3,"plan_digest":"3f654bd5ddbe37de11fc5bd66265406f","rules_digest":"","allowed_by":null,"to_before":null}');
CREATE TABLE sync_problem (
        run_id INTEGER NOT NULL REFERENCES sync_run (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        problem TEXT NOT NULL,
        PRIMARY KEY (run_id, number)
    ) STRICT, WITHOUT ROWID;
INSERT INTO sync_problem VALUES(1,0,'{"kind":"row_rejected","position":7,"source_key":"6","column":"tel","value":"no number","reason":"''n'' does not belong in a phone number: write digits and the usual punctuation, a plus sign only at the start, an extension behind it as x12"}');
INSERT INTO sync_problem VALUES(2,0,'{"kind":"row_rejected","position":7,"source_key":"6","column":"tel","value":"no number","reason":"''n'' does not belong in a phone number: write digits and the usual punctuation, a plus sign only at the start, an extension behind it as x12"}');
CREATE TABLE limit_settings (settings TEXT NOT NULL) STRICT;
INSERT INTO limit_settings VALUES('{}');
CREATE TABLE sync_preview (
        run_id INTEGER PRIMARY KEY REFERENCES sync_run (id) ON DELETE CASCADE,
        summary TEXT NOT NULL
    ) STRICT;
CREATE TABLE sync_preview_change (
        run_id INTEGER NOT NULL REFERENCES sync_preview (run_id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        change TEXT NOT NULL,
        PRIMARY KEY (run_id, number)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE history_settings (settings TEXT NOT NULL) STRICT;
INSERT INTO history_settings VALUES('{"runs":20,"megabytes":1024}');
CREATE TABLE journal (
        run_id INTEGER PRIMARY KEY REFERENCES sync_run (id),
        source_id INTEGER NOT NULL REFERENCES source (id) ON DELETE CASCADE,
        -- How many contacts the source had before the run.
        contacts_before INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT;
INSERT INTO journal VALUES(1,1,0,280);
INSERT INTO journal VALUES(2,1,5,223);
CREATE TABLE journal_added (
        run_id INTEGER NOT NULL REFERENCES journal (run_id) ON DELETE CASCADE,
        first_id INTEGER NOT NULL,
        last_id INTEGER NOT NULL,
        PRIMARY KEY (run_id, first_id)
    ) STRICT, WITHOUT ROWID;
INSERT INTO journal_added VALUES(1,1,5);
CREATE TABLE journal_contact (
        id INTEGER PRIMARY KEY,
        run_id INTEGER NOT NULL REFERENCES journal (run_id) ON DELETE CASCADE,
        contact_id INTEGER NOT NULL,
        source_key TEXT NOT NULL,
        phonebook_id INTEGER,
        missing_since TEXT,
        -- NULL, both: the run did not change them.
        digest BLOB,
        details TEXT
    ) STRICT;
INSERT INTO journal_contact VALUES(1,2,2,'2',3,NULL,X'fbabfaccff10ba1efe7a811872e3d208','{"first_name":"Grace","last_name":"Hopper","company":"Navy","numbers":[{"label":"business_number","raw":"030 901821","number":"+4930901821"}]}');
CREATE TABLE journal_phonebook (
        run_id INTEGER NOT NULL REFERENCES journal (run_id) ON DELETE CASCADE,
        phonebook_id INTEGER NOT NULL,
        name TEXT,
        is_local INTEGER NOT NULL,
        -- Whether the source filled it.
        is_filled INTEGER NOT NULL,
        PRIMARY KEY (run_id, phonebook_id)
    ) STRICT, WITHOUT ROWID;
INSERT INTO journal_phonebook VALUES(1,2,NULL,0,0);
INSERT INTO journal_phonebook VALUES(1,3,NULL,0,0);
CREATE TABLE due_run (
        source_id INTEGER PRIMARY KEY REFERENCES source (id) ON DELETE CASCADE,
        schedule TEXT NOT NULL,
        due_at TEXT NOT NULL
    ) STRICT;
INSERT INTO due_run VALUES(1,'{"daily":{"at":"03:00","time_zone":"Europe/Berlin"}}','2026-11-25T02:00:00Z');
CREATE TABLE jitter (seed INTEGER NOT NULL) STRICT;
INSERT INTO jitter VALUES(-5044308981605357387);
CREATE TABLE notification (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id INTEGER NOT NULL REFERENCES sync_run (id) ON DELETE CASCADE,
        due_at TEXT,
        record TEXT NOT NULL
    ) STRICT;
CREATE TABLE routing_settings (settings TEXT NOT NULL) STRICT;
INSERT INTO routing_settings VALUES('{}');
CREATE TABLE destination (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
CREATE TABLE time_condition (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
INSERT INTO time_condition VALUES(0,'{"name":"office","time_zone":"Europe/Berlin","hours":["mon-fri 09:00-17:30"]}');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('source',1);
INSERT INTO sqlite_sequence VALUES('phonebook',3);
INSERT INTO sqlite_sequence VALUES('sync_run',2);
INSERT INTO sqlite_sequence VALUES('contact',5);
CREATE UNIQUE INDEX contact_by_key ON contact (source_id, source_key);
CREATE INDEX contact_by_phonebook ON phonebook_contact (phonebook_id, contact_id);
CREATE INDEX sync_run_by_source ON sync_run (source_name, id);
CREATE INDEX journal_by_source ON journal (source_id, run_id);
CREATE UNIQUE INDEX journal_contact_by_run ON journal_contact (run_id, contact_id);
CREATE INDEX journal_contact_by_contact ON journal_contact (contact_id, run_id);
CREATE INDEX notification_by_run ON notification (run_id);
CREATE INDEX notification_by_time ON notification (due_at) WHERE due_at IS NOT NULL;
COMMIT;
