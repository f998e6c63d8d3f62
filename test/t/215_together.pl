# Two destinations, one a little slower, go through one backlog: a page is read once for
# both, and each gets all events, once.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

# Thirty requests' worth of the usual kind: far more than fits into memory at once.
my $EVENTS = 30_000;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "autovacuum = off\n");
my @names = qw(fast slow);

sub rows_read
{
	return $cluster->sql('SELECT coalesce(sum(idx_tup_fetch), 0) FROM pg_stat_user_tables'
		  . " WHERE schemaname = 'ecapi' AND relname LIKE 'outbox\\_%'");
}

$cluster->destination('fast', $receiver->url('/fast'), { batch_size => 1000, data_set_id => 'fast' });
$cluster->destination('slow', $receiver->url('/slow/delay=3'), { batch_size => 1000, data_set_id => 'slow' });
# both stand at the live tick afterwards
$cluster->emit('warm', 1, 1);
$cluster->drained(@names);
# at the same moment, so that both stay at one place
$cluster->sql("SELECT ecapi.pause('fast'), ecapi.pause('slow')");
$cluster->wait_row($_, "state = 'paused'") for @names;
$cluster->sql(<<"END");
SELECT count(ecapi_emit('purchase', id => 'a' || i, value => i, currency_code => 'EUR', source => 'website',
	user_data => jsonb_build_object('email_address', jsonb_build_array('Ann' || i || '\@example.com'),
		'phone_numbers', jsonb_build_array('+49 30 ' || 1000000 + i),
		'address', jsonb_build_array(jsonb_build_object('first_name', 'Ann', 'last_name', 'Doe', 'city', 'Ulm'))),
	properties => jsonb_build_object('transaction_id', i::text, 'page_url', 'https://shop.example/thanks', 'items',
		(SELECT jsonb_agg(jsonb_build_object('id', 'sku-' || n, 'name', 'Socks', 'price', n, 'quantity', 1))
		 FROM generate_series(1, 4) n))))
FROM generate_series(1, $EVENTS) i
END
my $before = rows_read();
$cluster->sql("SELECT ecapi.resume('fast'), ecapi.resume('slow')");
# the view that says what is left would count the outbox itself
$cluster->wait_sql("(SELECT bool_and(delivered > $EVENTS) FROM ecapi.cursor)");
# a worker that ends reports what it has read
$cluster->restart_worker;
my $read = rows_read() - $before;

cmp_ok($read, '>=', $EVENTS, 'all events were read');
# the end of a page that the other one had read before may be read twice
cmp_ok($read, '<=', 1.25 * $EVENTS, 'and hardly any of them twice');
$cluster->drained(@names);
$cluster->all_there($receiver, $_, [ 'warm1', ids('a', 1, $EVENTS) ], "$_ has all of them") for @names;
$cluster->stop;

done_testing();
