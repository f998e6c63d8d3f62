-- ecapi.suggest_mapping: tables of the shapes that shops really have, and what
-- must never be guessed.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_suggest_shop;
CREATE SCHEMA suggest AUTHORIZATION regress_suggest_shop;
RESET client_min_messages;
SET search_path = suggest, public;
GRANT USAGE ON SCHEMA ecapi TO regress_suggest_shop;
GRANT EXECUTE ON FUNCTION ecapi.suggest_mapping, ecapi.track, ecapi.capture, ecapi.major TO regress_suggest_shop;
SET ROLE regress_suggest_shop;
\pset format unaligned
\pset tuples_only on

CREATE FUNCTION suggested(relation regclass, event_type text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s: %s', key, value)
    FROM jsonb_each_text(ecapi.suggest_mapping(relation, event_type)) ORDER BY key COLLATE "C";
$$;

-- a shop in a blogging system: addresses in columns, times without a zone
CREATE TABLE wc_orders (
    id bigint PRIMARY KEY, status text, currency varchar(10), type text, tax_amount numeric(26,8),
    total_amount numeric(26,8), customer_id bigint, billing_email varchar(320), date_created_gmt timestamp,
    date_updated_gmt timestamp, parent_order_id bigint, payment_method varchar(100), payment_method_title text,
    transaction_id varchar(100), ip_address varchar(100), user_agent text, customer_note text,
    billing_first_name text, billing_last_name text, billing_address_1 text, billing_city text, billing_state text,
    billing_postcode text, billing_country char(2), billing_phone text,
    shipping_first_name text, shipping_city text, shipping_postcode text, shipping_country char(2),
    order_key text, cart_hash text);
SELECT suggested('wc_orders', 'purchase');

-- a hosted shop: customers and addresses apart, click ids kept with the order
CREATE TABLE customers (
    id bigint PRIMARY KEY, email text, phone text, first_name text, last_name text, password_digest text,
    email_verification_token text, state text, accepts_marketing boolean, created_at timestamptz);
CREATE TABLE addresses (
    id bigint PRIMARY KEY, address1 text, city text, province_code text, zip text, country_code char(2), phone text);
CREATE TABLE staff (id bigint PRIMARY KEY, email text, mobile text);
CREATE TABLE orders (
    id bigint PRIMARY KEY, order_number int UNIQUE, customer_id bigint REFERENCES customers,
    billing_address_id bigint REFERENCES addresses, shipping_address_id bigint REFERENCES addresses,
    sales_rep_id bigint REFERENCES staff, created_by bigint REFERENCES staff,
    created_at timestamptz, processed_at timestamptz, currency char(3), subtotal_price numeric, total_price numeric,
    total_tax numeric, total_discounts numeric, discount_codes text[], browser_ip inet, referring_site text,
    state text, country text, gclid text, _fbc text, "_fbp" text, "ScCid" text, utm_source text, utm_campaign text,
    gpp_string text, gpp_sid int[], ad_user_data boolean, checkout_token text, reset_password_token text);
SELECT suggested('orders', 'purchase');
SELECT suggested('customers', 'sign_up');

-- of the refunds, the order has what the refund does not
CREATE TABLE refunds (
    id bigint PRIMARY KEY, order_id bigint REFERENCES orders, amount numeric, created_at timestamptz, note text);
SELECT suggested('refunds', 'refund');
-- of an order that is refunded later, its creation is not the time
SELECT suggested('orders', 'refund');

-- a shop for large catalogues: names in one word, the address elsewhere, a schema of its own
CREATE TABLE sales_order_address (
    entity_id int PRIMARY KEY, firstname text, lastname text, street text, city text, region text, postcode text,
    country_id char(2), telephone text, email text);
CREATE TABLE sales_order (
    entity_id int PRIMARY KEY, increment_id varchar(50), state varchar(32), status varchar(32), coupon_code text,
    customer_id int, customer_email text, customer_firstname text, customer_lastname text, customer_group text,
    grand_total numeric(20,4), base_grand_total numeric(20,4), order_currency_code char(3), shipping_amount numeric(20,4),
    tax_amount numeric(20,4), shipping_method text, remote_ip text, created_at timestamp, updated_at timestamp,
    billing_address_id int REFERENCES sales_order_address, protect_code text);
SELECT suggested('sales_order', 'purchase');

-- software by subscription: cents, an account
CREATE TYPE currency AS ENUM ('EUR', 'JPY', 'KWD');
CREATE TABLE accounts (
    id uuid PRIMARY KEY, "billingEmail" text, country text, api_key text, gclid text, name text);
CREATE TABLE subscriptions (
    id uuid PRIMARY KEY, account_id uuid REFERENCES accounts, plan text, status text, price_cents int, currency currency,
    trial_started_at timestamptz, started_at timestamptz, current_period_start timestamptz, current_period_end timestamptz,
    created_at timestamptz);
SELECT suggested('subscriptions', 'start_trial');
SELECT suggested('subscriptions', 'subscribe');
SELECT suggested('subscriptions', 'purchase');

-- leads
CREATE TABLE leads (
    id int PRIMARY KEY, "fullName" text, "E-Mail" text, mobile varchar(40), company text, source text, status text,
    "lostReason" text, deal_value numeric, currency text, utm_source text, utm_medium text, utm_term text, "GCLID" text, fbclid text,
    "IPAddress" inet, "userAgent" text, zip text, state text, "createdAt" timestamptz, "qualifiedAt" timestamptz,
    closed_on date, lost_at date, password text, token text);
SELECT suggested('leads', 'generate_lead');
SELECT suggested('leads', 'qualify_lead');
SELECT suggested('leads', 'close_unconvert_lead');

-- every platform's ids, called as in an address, as a cookie, or as shops call them
CREATE TABLE clicked (
    id int PRIMARY KEY, gclid text, gbraid text, wbraid text, dclid text, "facebookClickId" text, _fbc text, _fbp text,
    tiktok_click_id text, _ttp text, bing_click_id text, pinterest_click_id text, sc_click_id text, sc_cookie1 text,
    li_fat_id uuid, reddit_click_id text, _rdt_uuid text, twitter_click_id text, oppref text, obref text,
    google_client_id text, app_instance_id text, ga_session_id bigint);
SELECT suggested('clicked', 'login');
-- a session is a time, by which nobody is known
CREATE TABLE timed (id int PRIMARY KEY, ga_session_id bigint, created_at timestamptz);
SELECT suggested('timed', 'login');
-- nothing
CREATE TABLE nothing (a int, b text);
SELECT suggested('nothing', 'purchase');
SELECT ecapi.suggest_mapping('nothing', 'custom');
CREATE TABLE no_columns ();
SELECT ecapi.suggest_mapping('no_columns', 'page_view');

-- only types that a field can take; domains are looked through, dropped columns are gone
CREATE DOMAIN address_of_mail AS text;
CREATE DOMAIN euro AS numeric(12,2);
CREATE TABLE kinds (
    id int, email int, e_mail address_of_mail, phone text[], total text, grand_total euro, currency int, currency_code text,
    paid_at text, ordered_at bigint, placed_at int, ip bytea, client_ip cidr, remote_addr inet, gclid boolean, mobile text,
    order_no jsonb, coupon jsonb, gpp_sid smallint, ad_user_data text, ecapi_event jsonb, PRIMARY KEY (id, placed_at));
ALTER TABLE kinds DROP COLUMN mobile;
SELECT suggested('kinds', 'purchase');

-- money without a currency is left out, and said
CREATE TABLE no_currency (id int PRIMARY KEY, email text, total numeric, tax numeric, paid_at timestamptz);
SELECT suggested('no_currency', 'purchase');
CREATE TABLE minor (id int PRIMARY KEY, total_cents bigint, tax_in_cents int, shipping numeric, "Currency" char(3), order_date date, email text);
SELECT suggested('minor', 'purchase');
CREATE TABLE currencies (id int PRIMARY KEY, code char(3));
CREATE TABLE priced (id int PRIMARY KEY, currency_id int REFERENCES currencies, amount int, tax_cents int, email text, paid_at timestamptz);
SELECT suggested('priced', 'purchase');

-- of two people, one; and only one that the owner may read
CREATE TABLE tenants (id int PRIMARY KEY, email text, phone text);
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE bookings (id int PRIMARY KEY, account_id int REFERENCES tenants, "userId" int REFERENCES people, check_in date, check_out date, paid_at timestamptz);
SELECT suggested('bookings', 'purchase');
RESET ROLE;
ALTER TABLE people OWNER TO CURRENT_USER;
SELECT suggested('bookings', 'login');
GRANT SELECT (id, email) ON people TO regress_suggest_shop;
SELECT suggested('bookings', 'login');

SET ROLE regress_suggest_shop;
-- of people who buy, the one with an e-mail address; never an employee; and nobody beside a customer without a foreign key
CREATE TABLE employees (id int PRIMARY KEY, email text, phone text);
CREATE TABLE sales_agents (id int PRIMARY KEY, email text);
CREATE TABLE parties (id int PRIMARY KEY, email text);
CREATE TABLE logins (id int PRIMARY KEY, name text);
CREATE TABLE quotes (id int PRIMARY KEY, user_id int REFERENCES logins, partner_id int REFERENCES parties, agreed_at timestamptz);
SELECT suggested('quotes', 'custom');
CREATE TABLE visits (id int PRIMARY KEY, user_id int REFERENCES employees, contact_id int REFERENCES sales_agents, account_id int REFERENCES tenants);
SELECT suggested('visits', 'custom');
CREATE TABLE tickets (id int PRIMARY KEY, customer_id int, user_id int REFERENCES tenants);
SELECT suggested('tickets', 'custom');

-- a table of customers names them as other tables do, although it leads to users
CREATE TABLE shoppers (id int PRIMARY KEY, user_id int REFERENCES tenants, email text);
SELECT suggested('shoppers', 'sign_up');

-- amounts with a currency of their own, in columns and in jsonb; whole numbers are minor units, but for an estimate
CREATE TABLE hosted_orders (id int PRIMARY KEY, total_price_set jsonb, discount_codes text, order_placed_at timestamptz, currency_id text);
SELECT suggested('hosted_orders', 'purchase');
CREATE TABLE rails_orders (id int PRIMARY KEY, price_cents int, price_currency text, currency text, completed_at timestamptz);
SELECT suggested('rails_orders', 'purchase');
CREATE TABLE prospects (id int PRIMARY KEY, deal_value int, currency text, created_at timestamptz);
SELECT suggested('prospects', 'generate_lead');

-- a creation is not the event where a row moves on
CREATE TABLE carts (id int PRIMARY KEY, email text, state text, total numeric, currency text, created_at timestamptz);
SELECT suggested('carts', 'purchase');
SELECT suggested('carts', 'add_to_cart');

-- a refund names the order that is refunded, not itself
CREATE TABLE credit_notes (id int PRIMARY KEY, number text, order_id bigint REFERENCES orders, refund_amount_cents int, refund_amount_currency text, refunded_at timestamptz);
SELECT suggested('credit_notes', 'refund');

-- partitioned; a row's own columns rather than a reference's
SET ROLE regress_suggest_shop;
CREATE TABLE parted (id int, customer_id bigint REFERENCES customers, email text, created_at timestamptz) PARTITION BY RANGE (id);
SELECT suggested('parted', 'sign_up');
RESET ROLE;

-- a superuser's table: no sub-select, and no path but into superusers' tables
CREATE TABLE owned (id int PRIMARY KEY, customer_id bigint REFERENCES customers, address_id int REFERENCES people, total_cents int, currency text, created_at timestamp);
SELECT suggested('owned', 'purchase');

-- what is refused
CREATE VIEW a_view AS SELECT 1 AS total;
\set VERBOSITY terse
SELECT ecapi.suggest_mapping('a_view', 'purchase');
SELECT ecapi.suggest_mapping(0, 'purchase');
SELECT ecapi.suggest_mapping(NULL, 'purchase') IS NULL;
\set VERBOSITY default
SELECT ecapi.suggest_mapping('orders', 'purchse');
SELECT ecapi.suggest_mapping('orders', '');

-- one customer is one identifier in all tracks of an owner, or it is reported
SET ROLE regress_suggest_shop;
CREATE TABLE logged_in (id int PRIMARY KEY, email text);
CREATE TABLE clients (id int PRIMARY KEY, email text, user_id int REFERENCES logged_in);
CREATE TABLE paid (id int PRIMARY KEY, client_id int REFERENCES clients);
CREATE TABLE seen (id int PRIMARY KEY, user_id int REFERENCES logged_in);
SELECT ecapi.track('paid', 'custom', mapping => '{"custom_event": "''paid''", "user_data.customer_identifier": "client_id"}');
SELECT suggested('seen', 'page_view');
SELECT suggested('clients', 'sign_up');
SELECT ecapi.track('paid', 'custom', mapping => '{"custom_event": "''paid''", "user_data.customer_identifier": "client_id.user_id"}');
SELECT suggested('seen', 'page_view');
DROP TABLE paid;
RESET ROLE;

SET client_min_messages = warning;
-- whatever is guessed is a field of the standard, or inside an ext, or a fragment
SELECT DISTINCT key FROM unnest(ARRAY['wc_orders', 'orders', 'refunds', 'sales_order', 'subscriptions', 'leads', 'kinds']::regclass[]) t,
    unnest(ARRAY['purchase', 'refund', 'generate_lead', 'subscribe']) e, jsonb_object_keys(ecapi.suggest_mapping(t, e)) key
WHERE key <> '*' AND key !~ '^(user_data|properties)\.ext\.[a-z_.]+$' AND key NOT IN (SELECT path FROM ecapi.fields());

-- ... and a track takes it
SET ROLE regress_suggest_shop;
SELECT ecapi.track(t::regclass, e, name => format('%s_%s', t, e), mapping => ecapi.suggest_mapping(t::regclass, e))
FROM (VALUES ('wc_orders', 'purchase'), ('orders', 'purchase'), ('orders', 'refund'), ('refunds', 'refund'), ('customers', 'sign_up'),
    ('sales_order', 'purchase'), ('subscriptions', 'start_trial'), ('subscriptions', 'subscribe'), ('subscriptions', 'purchase'),
    ('leads', 'generate_lead'), ('leads', 'qualify_lead'), ('leads', 'close_unconvert_lead'), ('minor', 'purchase'),
    ('priced', 'purchase'), ('bookings', 'purchase')) t (t, e);
RESET ROLE;
SELECT ecapi.track('owned', 'purchase', mapping => ecapi.suggest_mapping('owned', 'purchase'));

-- without a mapping a track guesses, and says what
RESET client_min_messages;
SELECT ecapi.track('refunds', 'refund', condition => 'amount > 0');
SELECT ecapi.track('nothing', 'contact', name => 'guess');

-- a join without a foreign key is offered, and never taken; the path of the hint works
CREATE SCHEMA keyless AUTHORIZATION regress_suggest_shop;
SET ROLE regress_suggest_shop;
CREATE TABLE keyless.customers (id int PRIMARY KEY, email text, code text UNIQUE);
CREATE TABLE keyless."Client" ("clientId" int PRIMARY KEY, "Email" text);
CREATE TABLE keyless.buyers (number int PRIMARY KEY, email text);
CREATE TABLE keyless.members (id int, email text);
CREATE TABLE keyless.accounts (id int PRIMARY KEY, title text);
CREATE TABLE keyless.visits (id int PRIMARY KEY, customer_id int, paid_at timestamptz);
CREATE TABLE keyless.stays (id int PRIMARY KEY, "clientId" int, paid_at timestamptz);
CREATE TABLE keyless.with_key (id int PRIMARY KEY, customer_id int REFERENCES keyless.customers, paid_at timestamptz);
CREATE TABLE keyless.with_email (id int PRIMARY KEY, customer_id int, email text, paid_at timestamptz);
CREATE TABLE keyless.other_key (id int PRIMARY KEY, buyer_id int, paid_at timestamptz);
CREATE TABLE keyless.no_key (id int PRIMARY KEY, member_id int, paid_at timestamptz);
CREATE TABLE keyless.no_email (id int PRIMARY KEY, account_id int, paid_at timestamptz);
CREATE TABLE keyless.other_type (id int PRIMARY KEY, customer_id uuid, paid_at timestamptz);
SELECT t, ecapi.suggest_mapping(t::regclass, 'login') FROM unnest('{keyless.visits,keyless.stays,keyless.with_key,keyless.with_email,
    keyless.other_key,keyless.no_key,keyless.no_email,keyless.other_type}'::text[]) t;
SELECT ecapi.track('keyless.visits', 'login');
SELECT ecapi.track('keyless.visits', 'login', mapping => '{"user_data.email_address": "customer_id->keyless.customers.email"}');
SELECT ecapi.track('keyless.stays', 'login', mapping => '{"user_data.email_address": "\"clientId\"->keyless.\"Client\".\"Email\""}');
-- what the owner may not read is not offered
RESET ROLE;
ALTER TABLE keyless.customers OWNER TO CURRENT_USER;
REVOKE ALL ON keyless.customers FROM regress_suggest_shop;
SELECT ecapi.suggest_mapping('keyless.visits', 'login');
SET client_min_messages = warning;
DROP SCHEMA keyless CASCADE;
RESET client_min_messages;

-- without a condition every new row is one, which is said where rows complete later
SELECT ecapi.track('carts', 'purchase', mapping => '{"value": "total", "currency_code": "currency"}');
SELECT ecapi.track('carts', 'purchase', mapping => '{"value": "total", "currency_code": "currency"}', condition => $$state = 'paid'$$);
SELECT ecapi.track('carts', 'purchase', mapping => '{"value": "total", "currency_code": "currency"}', on_change => '{state}');
SELECT ecapi.track('carts', 'add_to_cart', mapping => '{"value": "total", "currency_code": "currency"}');
SELECT ecapi.track('hosted_orders', 'purchase', mapping => '{"value": "1.0", "currency_code": "''EUR''"}', name => 'hosted');
ALTER TABLE hosted_orders ALTER order_placed_at SET NOT NULL;
SELECT ecapi.track('hosted_orders', 'purchase', mapping => '{"value": "1.0", "currency_code": "''EUR''"}', name => 'hosted');
CREATE TABLE staged (id int PRIMARY KEY, "Status" int);
SELECT ecapi.track('staged', 'start_trial', mapping => '{}');
SET client_min_messages = warning;
SELECT mapping = ecapi.suggest_mapping('refunds', 'refund') AS the_same FROM ecapi.track WHERE relation = 'refunds'::regclass AND name = 'refund';

-- what it guesses is right
INSERT INTO addresses VALUES (1, 'Main Street 1', 'Springfield', 'IL', '62701', 'US', NULL);
INSERT INTO customers (id, email, first_name, password_digest) VALUES (1, 'ann@example.com', 'Ann', 'secret');
INSERT INTO orders (id, order_number, customer_id, billing_address_id, processed_at, currency, total_price, discount_codes, browser_ip, gclid, gpp_sid, reset_password_token)
    VALUES (7, 1007, 1, 1, '2026-11-20 12:00+00', 'usd', 10.50, '{A,B}', '192.0.2.1', 'Cj0', '{7}', 'secret');
INSERT INTO accounts (id, "billingEmail", country) VALUES ('00000000-0000-0000-0000-000000000001', 'bob@example.com', 'DE');
INSERT INTO subscriptions (id, account_id, price_cents, currency, trial_started_at) SELECT id, id, 1999, 'KWD', '2026-11-20 12:00+00' FROM accounts;
INSERT INTO minor VALUES (1, 1999, 100, 0, 'JPY', '2026-11-20');
SELECT event FROM ecapi.outbox WHERE event->>'id' ~ '^suggest.(orders:7:purchase|subscriptions:.*:start_trial|minor:)' ORDER BY seq;
SELECT source, reason FROM ecapi.failed_event WHERE relation::text = ANY ('{orders,customers,subscriptions,minor}');

DROP SCHEMA suggest CASCADE;
DROP OWNED BY regress_suggest_shop;
DROP ROLE regress_suggest_shop;
