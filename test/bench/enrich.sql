-- enrich.sql - tables that an enrichment joins: orders, their costs, their customers.
--
-- bench.worth is what the README calls a margin, with a customer's segment beside
-- it.  It belongs to a role without other rights, as that of a shop should.

CREATE TABLE bench.orders (order_no text PRIMARY KEY, customer bigint NOT NULL, total numeric NOT NULL);
CREATE TABLE bench.costs (order_no text PRIMARY KEY, cost numeric NOT NULL, shipping numeric NOT NULL);
CREATE TABLE bench.customers (customer bigint PRIMARY KEY, segment text NOT NULL, orders int NOT NULL);

CREATE FUNCTION bench.worth(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
	SELECT e.seq, jsonb_build_object('value', o.total - c.cost - c.shipping,
			'ext', jsonb_build_object('segment', u.segment))
	FROM unnest(page) e
		JOIN bench.orders o ON o.order_no = e.properties ->> 'transaction_id'
		JOIN bench.costs c ON c.order_no = o.order_no
		JOIN bench.customers u ON u.customer = o.customer;
END;

CREATE ROLE bench_shop;
GRANT USAGE ON SCHEMA bench TO bench_shop;
GRANT SELECT ON bench.orders, bench.costs, bench.customers TO bench_shop;
ALTER FUNCTION bench.worth(ecapi.event[]) OWNER TO bench_shop;
