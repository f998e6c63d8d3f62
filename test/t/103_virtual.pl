# Virtual generated columns, which the server computes where a row is read and gives no
# trigger a value of: a track that would read one of its row is refused, and one that
# reads it in a query has it.  Skipped on servers that have none.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use Test::More;

my $cluster = EcapiCluster->create;

if ($cluster->sql('SHOW server_version_num') < 180000)
{
	ok(1, 'this server has no virtual generated columns');
	done_testing();
	exit 0;
}

$cluster->sql(q(
	CREATE TABLE shops (id int PRIMARY KEY, name text, label text GENERATED ALWAYS AS (upper(name)) VIRTUAL);
	CREATE TABLE orders (id int PRIMARY KEY, shop int REFERENCES shops, net numeric,
		gross numeric GENERATED ALWAYS AS (net * 1.2) VIRTUAL, kept numeric GENERATED ALWAYS AS (net * 1.2) STORED);
	INSERT INTO shops VALUES (1, 'north');
));

my $says = qr/column "gross" is a virtual generated column.*Make it STORED, or write its expression/s;

like($cluster->refused("SELECT ecapi.track('orders', 'purchase', mapping => '$_->[0]'$_->[1])", $_->[2]), $says, 'with words')
	for [ '{"ext.v": "gross"}', '', 'a column' ], [ '{"ext.v": "new.gross"}', '', 'of the row' ],
	[ '{"ext.v": "new.gross + 1"}', '', 'in an expression' ], [ '{"ext.v": "net"}', q(, condition => 'gross > 1'), 'in a condition' ];

$cluster->sql(q(SELECT ecapi.track('orders', 'purchase', mapping => '{"ext.net": "new.net * 1.2", "ext.kept": "kept", "ext.shop": "shop.label"}')));
$cluster->sql('INSERT INTO orders (id, shop, net) VALUES (1, 1, 10)');
is($cluster->sql("SELECT event -> 'ext' ->> 'kept', event -> 'ext' ->> 'net', event -> 'ext' ->> 'shop' FROM ecapi.outbox"),
	'12.0|12.0|NORTH', 'a stored one, its expression, and one that a query reads have values');

done_testing();
