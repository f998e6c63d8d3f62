--
-- What CREATE EXTENSION makes, who may use it, and that each object says what
-- it is.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_ecapi_app;
CREATE ROLE regress_ecapi_monitor;
CREATE ROLE regress_ecapi_owner;
GRANT pg_monitor TO regress_ecapi_monitor;
RESET client_min_messages;

-- Everything that belongs to the extension; the ring's partitions are alike.  From 17 on
-- it has the types of arrays and of relations' rows, too, which come with others.
SELECT DISTINCT regexp_replace(pg_describe_object(classid, objid, 0), '_[0-5]\M', '_N') COLLATE "C" AS object
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ecapi')
    AND NOT EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE classid = 'pg_type'::regclass AND t.oid = objid AND (t.typcategory = 'A' OR c.relkind <> 'c'))
ORDER BY object;

-- What \df ecapi.* lists is what users call, so it has neither trigger functions,
-- but for the one that users name in triggers, nor what our own objects call: a
-- view, a wrapper, or the body of a function.
SELECT p.oid::regprocedure AS not_for_users
FROM pg_proc p
WHERE p.pronamespace = 'ecapi'::regnamespace AND p.proname <> 'capture'
    AND (p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
        OR EXISTS (SELECT FROM pg_foreign_data_wrapper w WHERE w.fdwvalidator = p.oid)
        OR 'pg_ddl_command'::regtype = ANY (p.proargtypes));


-- A wrapper without a handler: nobody can read through it.
SELECT fdwname, fdwhandler, fdwvalidator::regproc, fdwacl FROM pg_foreign_data_wrapper WHERE fdwname = 'ecapi';

-- PUBLIC may name and call the function that refuses triggers, those that tell a role
-- of its own tracks, and the one that bounds the values of a filter; and roles that may
-- name it the one that tells versions; nothing else.
SELECT pg_describe_object(d.classid, d.objid, 0) AS object, a.privilege_type
FROM pg_depend d,
    LATERAL (
        SELECT coalesce(p.proacl, acldefault('f', p.proowner)) FROM pg_proc p
        WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid
        UNION ALL
        SELECT coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
        FROM pg_class c WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid
        UNION ALL
        SELECT coalesce(n.nspacl, acldefault('n', n.nspowner)) FROM pg_namespace n
        WHERE d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
        UNION ALL
        SELECT coalesce(f.fdwacl, acldefault('F', f.fdwowner)) FROM pg_foreign_data_wrapper f
        WHERE d.classid = 'pg_foreign_data_wrapper'::regclass AND f.oid = d.objid
    ) acl (acl), aclexplode(acl.acl) a
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ecapi')
    AND a.grantee = 0
ORDER BY 1, 2;

-- Everything but the ring's partitions has a comment: no rows.
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ecapi')
    AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass,
        'pg_foreign_data_wrapper'::regclass, 'pg_event_trigger'::regclass)
    AND NOT EXISTS (SELECT FROM pg_class c WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid
        AND (c.relispartition OR c.relkind = 'i'
            OR EXISTS (SELECT FROM pg_depend i WHERE i.objid = c.oid AND i.deptype = 'i')))
    AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''
ORDER BY 1;

-- So has every column of its tables, views and types: no rows.
SELECT c.oid::regclass || '.' || a.attname AS without_comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace IN ('ecapi'::regnamespace, 'ecapi_internal'::regnamespace)
    AND c.relkind IN ('r', 'p', 'v', 'm', 'c') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(col_description(c.oid, a.attnum), '') = ''
ORDER BY 1;

-- Every function of plpgsql has a fixed search_path: no rows.
SELECT p.oid::regprocedure
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname IN ('ecapi', 'ecapi_internal') AND l.lanname = 'plpgsql'
    AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false);

-- What triggers refuse is raised by ecapi_internal.refuse(), without a CONTEXT: no rows.
SELECT p.oid::regprocedure
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname IN ('ecapi', 'ecapi_internal') AND p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND p.prosrc LIKE '%RAISE EXCEPTION%';

-- An application needs EXECUTE on one function, and nothing else.
SET ROLE regress_ecapi_app;
SELECT ecapi_emit('login', id => 'app-1');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ecapi_emit TO regress_ecapi_app;
SET ROLE regress_ecapi_app;
SELECT ecapi_emit('login', id => 'app-1');
SELECT count(*) FROM ecapi.outbox;
INSERT INTO ecapi.outbox VALUES (1, '1', now(), 10, NULL, 0, '{}');
SELECT * FROM ecapi.destination;
SELECT ecapi.pause('install_shop');
CREATE SERVER install_app FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com');
RESET ROLE;
SELECT event->>'id' AS id FROM ecapi.outbox WHERE event->>'id' LIKE 'app-%';

-- pg_monitor sees states and counts, but no event.
CREATE SERVER install_shop FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://example.com', data_set_id 'shop', mode 'shadow');
SET ROLE regress_ecapi_monitor;
SELECT destination, mode FROM ecapi.destination WHERE destination = 'install_shop';
SELECT count(*) >= 0 AS can_read FROM ecapi.request;
SELECT count(*) > 0 AS can_check FROM ecapi.check();
SELECT preloaded FROM ecapi.worker();
SELECT library = sql AS fit, built_for ~ '^[1-9]' AS is_built_for_one, server = current_setting('server_version') AS runs
FROM ecapi.version();
SELECT event FROM ecapi.outbox;
SELECT event FROM ecapi.failed_event;
SELECT * FROM ecapi.cursor;
SELECT * FROM ecapi.control;
SELECT ecapi.pause('install_shop');
RESET ROLE;

-- Functions that name a destination need its ownership, and know names.
GRANT USAGE ON SCHEMA ecapi TO regress_ecapi_owner, regress_ecapi_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ecapi TO regress_ecapi_owner, regress_ecapi_app;
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO regress_ecapi_owner;
ALTER SERVER install_shop OWNER TO regress_ecapi_owner;
SET ROLE regress_ecapi_app;
SELECT ecapi.pause('install_shop');
SELECT ecapi.resume('install_shop');
SELECT ecapi.adopt('install_shop');
SELECT ecapi.rebase('install_shop');
SET ROLE regress_ecapi_owner;
SELECT ecapi.pause('install_shop');
SELECT ecapi.resume('install_shop');
SELECT ecapi.adopt('install_shop');
SELECT ecapi.rebase('install_shop');
SELECT ecapi.pause('instal_shop');
SELECT ecapi.pause('xyzzy');
CREATE SERVER install_own FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow');
SELECT ecapi.pause('install_own');
DROP SERVER install_own;
RESET ROLE;

-- A server of another wrapper is no destination.
CREATE FOREIGN DATA WRAPPER install_other;
CREATE SERVER install_foreign FOREIGN DATA WRAPPER install_other;
SELECT ecapi.pause('install_foreign');
DROP FOREIGN DATA WRAPPER install_other CASCADE;

-- DROP EXTENSION leaves nothing behind.
SET client_min_messages = warning;
DROP EXTENSION ecapi CASCADE;
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'ecapi%';
SELECT proname FROM pg_proc WHERE proname LIKE '%ecapi%';
SELECT evtname FROM pg_event_trigger;
SELECT srvname FROM pg_foreign_server;
CREATE EXTENSION ecapi;
DROP OWNED BY regress_ecapi_app, regress_ecapi_monitor, regress_ecapi_owner;
DROP ROLE regress_ecapi_app, regress_ecapi_monitor, regress_ecapi_owner;
