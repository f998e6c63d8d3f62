# The standard's own normalization examples (ECAPI 1.0, examples.md), emitted as
# they stand there: what the receiver got holds their digests byte for byte, and
# none of the texts that were hashed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiReceiver;
use JSON::PP ();
use Test::More;

# field, as emitted, normalized, SHA-256
my @VECTORS = (
	[ 'user_data.customer_identifier', 'User123', 'user123',
		'e606e38b0d8c19b24cf0ee3808183162ea7cd63ff7912dbb22b5e803286b4446' ],
	[ 'user_data.email_address', ' User@example.com ', 'user@example.com',
		'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514' ],
	[ 'user_data.phone_numbers', '+1 212-555-0000', '+12125550000',
		'7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e' ],
	[ 'address.first_name', ' Jane ', 'jane',
		'81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2' ],
	[ 'address.last_name', ' Smith ', 'smith',
		'6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd' ],
	[ 'user_data.gender', ' Female ', 'female',
		'9f165139a8c2894a47aea23b77d330eca847264224a44d5a17b19db8b9a72c08' ],
	[ 'address.postal_code', '10001', '10001',
		'e443169117a184f91186b401133b20be670c7c0896f9886075e5d9b81e9d076b' ]);

# Which of them the standard makes arrays.
my %MANY = map { $_ => 1 } qw(user_data.email_address user_data.phone_numbers);

my %user_data = (address => [ { country_code => 'us' } ]);
for my $vector (@VECTORS)
{
	my ($object, $field) = split /\./, $vector->[0];
	my $parent = $object eq 'address' ? $user_data{address}[0] : \%user_data;

	$parent->{$field} = $vector->[1];
}

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
my $json = JSON::PP->new->canonical;

$cluster->destination('vectors', $receiver->url('/vectors'));
$cluster->sql("SELECT ecapi_emit('sign_up', id => 'vectors', user_data => "
	  . literal($json->encode(\%user_data)) . ')');
$cluster->drained('vectors');

my @bodies = $receiver->events;
is(scalar @bodies, 1, 'one event arrived');
my $got = $json->decode($bodies[0])->{user_data};
for my $vector (@VECTORS)
{
	my ($name, $raw, $normalized, $digest) = @$vector;
	my ($object, $field) = split /\./, $name;
	my $value = $object eq 'address' ? $got->{address}[0]{$field} : $got->{$field};

	is_deeply($value, $MANY{$name} ? [$digest] : $digest, "$name is the standard's digest");
	unlike($bodies[0], qr/"\Q$_\E"/, "$name does not leave as a text")
	  for grep { length } ($raw, $normalized);
}
is(($receiver->records)[0]{verdict}, 'ok', 'the receiver\'s own checks accept it');

done_testing();
