# A shop, its margins, segments, channels and predictions, and two destinations
# with different rules: one purchase followed through every typical enrichment,
# both bodies byte for byte.
#
# Orders are in crowns; the destinations count in euros.  What a body must be
# stands here as text, made by hand from the rows below and the standard.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiCluster;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

$cluster->sql(slurp_file("$FindBin::RealBin/shop.sql"));
$cluster->destination('ads', $receiver->url('/ads'), {
	event_types => 'purchase, refund',
	enrich => 'shop.items, shop.margin, shop.in_euro, shop.segments',
	value_factor => '0.5',
	consent => 'required',
	mmt_only => 'true',
	anonymize => 'ip, user_agent, timestamp',
	redact => 'user_data.phone_numbers, properties.tax, properties.shipping, properties.items.price',
	filter => q{user_data->>'event_user_agent' NOT LIKE '%bot%'},
	batch_size => 1,
});
$cluster->destination('analytics', $receiver->url('/analytics'), {
	enrich => 'shop.items, shop.net_revenue, shop.in_euro, shop.channel, shop.predictions',
	filter => q{value >= 50 AND currency_code = 'EUR'},
	fields => 'value, currency_code, source, properties, ext, user_data.customer_identifier',
	batch_size => 1,
});
$cluster->sql('SET ROLE shop; ' . <<'END');
INSERT INTO shop.orders VALUES ('A-1', 1, 1190.00, 238.00, 52.00, 'SEK', 'cart', NULL,
    '{"source": "website", "user_data": {"event_ip_address": "203.0.113.77",
      "event_user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
      "ext": {"consent": {"ad_user_data": true, "ad_personalization": false}}}}');
INSERT INTO shop.order_items VALUES ('A-1', 'lp-1', 2, 300.00), ('A-1', 'lp-2', 1, 300.00);
UPDATE shop.orders SET status = 'paid', paid_at = '2026-11-20 12:34:56+00' WHERE order_no = 'A-1';
END

# of a purchase below the threshold of one, and without consent for the other
$cluster->sql('SET ROLE shop; ' . <<'END');
INSERT INTO shop.orders VALUES ('A-2', 2, 110.00, 10.00, 0.00, 'SEK', 'paid', '2026-11-20 13:00+00',
    '{"source": "website", "user_data": {"event_user_agent": "Mozilla/5.0"}}');
INSERT INTO shop.order_items VALUES ('A-2', 'lp-1', 1, 100.00);
END
$cluster->drained('ads', 'analytics');

my ($ann, $customer) = map { sha256_hex($_) } 'ann@example.com', '1';
my @bodies = $receiver->events;

is(scalar @bodies, 2, 'each of the two got one purchase');
my ($ads_body) = grep { /"data_set_id":"ads"/ } @bodies;
my ($analytics_body) = grep { /"data_set_id":"analytics"/ } @bodies;

# (members of an ext stand in the order that jsonb gives them)
# margin: 1190 - 238 - 52 - (2 * 150 + 200) = 400 crowns = 36 euros, of which half is reported
is($ads_body,
	'{"data_set_id":"ads","id":"shop.orders:A-1:purchase","timestamp":1795176000,"event_type":"purchase",'
	  . qq("user_data":{"customer_identifier":"$customer","customer_segments":["loyal","vinyl"],"email_address":["$ann"],)
	  . '"mmt_only":true,"event_ip_address":"203.0.113.0","event_user_agent":"Firefox/128"},'
	  . '"value":18,"currency_code":"EUR","source":"website",'
	  . '"properties":{"transaction_id":"A-1","items":['
	  . '{"id":"lp-1","name":"Blue Train","quantity":2,"brand":"Blue Note","category":"vinyl"},'
	  . '{"id":"lp-2","name":"Giant Steps","quantity":1,"brand":"Atlantic","category":"vinyl"}]}}',
	'the ads platform gets half of the margin, and none of what it shall not have');

# net revenue: 1190 - 238 - 52 = 900 crowns = 81 euros
is($analytics_body,
	'{"data_set_id":"analytics","id":"shop.orders:A-1:purchase","timestamp":1795178096,"event_type":"purchase",'
	  . qq("user_data":{"customer_identifier":"$customer"},)
	  . '"value":81.00,"currency_code":"EUR","source":"website",'
	  . '"properties":{"transaction_id":"A-1","items":['
	  . '{"id":"lp-1","name":"Blue Train","price":300.00,"quantity":2,"brand":"Blue Note","category":"vinyl"},'
	  . '{"id":"lp-2","name":"Giant Steps","price":300.00,"quantity":1,"brand":"Atlantic","category":"vinyl"}],'
	  . '"shipping":52.00,"tax":238.00},'
	  . '"ext":{"channel":"newsletter","churn_probability":0.120,"purchase_likelihood":0.700,"predicted_lifetime_value":640.00}}',
	'analytics gets the net revenue, the channel and the predictions');

is($cluster->sql("SELECT string_agg(destination || ': ' || reason, ', ' ORDER BY destination) FROM ecapi.ledger"
	  . " WHERE outcome = 'filtered'"),
	'ads: consent missing, analytics: filter', 'the other purchase is counted with its reasons');
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), 0, 'nothing failed');
is($cluster->sql("SELECT string_agg(DISTINCT destination || ' ' || outcome || coalesce(' ' || reason, ''), ', ')"
	  . " FROM ecapi.trace('shop.orders:A-2:purchase') WHERE destination IS NOT NULL"),
	'ads filtered consent missing, analytics filtered filter', 'so does its trace');
$cluster->stop;
done_testing();
