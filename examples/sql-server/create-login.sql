-- A login for Ringroute that can do one thing: read one table. Change the password here first.
--
--     sqlcmd -S sql.example.com -d crm -i create-login.sql
--
-- Run again, it says that login and user are there already, and does no harm.

CREATE LOGIN [ringroute] WITH PASSWORD = N'Change-this-1!', DEFAULT_DATABASE = [crm];
GO

-- In the database that sqlcmd was given (-d).
CREATE USER [ringroute] FOR LOGIN [ringroute];
GO

-- Reading this table, and nothing else: no other table, no change.
GRANT SELECT ON OBJECT::testpbx.contacts TO [ringroute];
GO
