-- The table of docs/sql-server.md: contacts of a company, with phone numbers written the way people write them.
-- For a server on which to try Ringroute; whoever has a table of contacts does not need it.
--
--     sqlcmd -S sql.example.com -d crm -i create-example.sql
--
-- It can be run again: the table is then as it was at the start.

IF SCHEMA_ID(N'testpbx') IS NULL
    EXEC (N'CREATE SCHEMA testpbx');
GO

DROP TABLE IF EXISTS testpbx.contacts;
GO

CREATE TABLE testpbx.contacts (
    id          int           NOT NULL PRIMARY KEY,
    first_name  nvarchar(63)  NULL,
    last_name   nvarchar(63)  NULL,
    company     nvarchar(127) NULL,
    email       varchar(255)  NULL,
    phone       varchar(40)   NULL,
    mobile      varchar(40)   NULL,
    belongto    nvarchar(40)  NULL      -- the team that looks after the contact
);
GO

INSERT INTO testpbx.contacts (id, first_name, last_name, company, email, phone, mobile, belongto) VALUES
    (1,  N'Anna',    N'Müller',    N'Müller & Söhne',  'anna@mueller.example',  '030 231 25-101',      NULL,                N'Sales'),
    (2,  N'Jan',     N'Nowak',     N'Nowak sp. z o.o.', NULL,                   '+48 22 460 12 34',    NULL,                N'Support'),
    (3,  N'Ada',     N'Lovelace',  N'Analytical Engines', 'ada@engines.example', '+44 (0)20 7946 0018', NULL,               N'Sales'),
    (4,  N'Grace',   N'Hopper',    NULL,               NULL,                    '001 202 555 0143',    NULL,                N'Support'),
    (5,  N'Chloé',   N'Dubois',    N'Dubois S.A.',     NULL,                    '0033 1 99 00 12 34',  '+33 6 39 98 12 34', N'Sales'),
    (6,  N'Ole',     N'Hansen',    NULL,               NULL,                    NULL,                  '0171 / 23 45 678',  N'Support'),
    (7,  N'Emma',    N'Fischer',   N'Fischer KG',      NULL,                    '(040) 66969-555',     NULL,                N'Sales'),
    (8,  N'Luca',    N'Rossi',     N'Rossi S.p.A.',    NULL,                    '+39 06 6982 1234',    NULL,                N'Support'),
    (9,  NULL,       NULL,         N'Hotel Adler',     'info@adler.example',    'tel:+49-89-2180-0',   NULL,                N'Sales'),
    (10, N'Mia',     N'Weber',     NULL,               NULL,                    '0049 (0) 221 47100',  NULL,                N'Support'),
    (11, N'Konrad',  N'Zuse',      N'Zuse KG',         NULL,                    'ask Anna',            NULL,                N'Sales'),
    (12, N'Alan',    N'Turing',    NULL,               NULL,                    '+49.30.901820',       NULL,                N'Support');
GO
