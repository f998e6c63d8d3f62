# EcapiPrometheus: Debian's prometheus-postgres-exporter and prometheus beside a server, for
# TAP tests.
#
#   my $prometheus = EcapiPrometheus->start($cluster, role => 'monitoring',
#       databases => [ 'postgres', 'other' ], queries => $file, rules => $text);
#   my @rows = $prometheus->query('sum by (datname) (ecapi_worker_up)');   # { metric => {...}, value => N }
#   $prometheus->wait_query('ecapi_worker_up == 1', 'the worker is up');
#   my @alerts = $prometheus->firing;                                      # labels, a hash each
#   my $text = $prometheus->exported;                                      # what the exporter says now
#
# Three jobs are scraped, every other second:
#
#   exporter      the exporter, over the views
#   openmetrics   ecapi.metrics() of the first database, behind a small HTTP server
#   textfile      ecapi.metrics('prometheus') of it, as a file that node_exporter reads;
#                 write_textfile() writes it
#
# All listen on free ports of loopback, have their files in a directory of the test, and end
# with it.  Core Perl only.
package EcapiPrometheus;

use strict;
use warnings;

use EcapiWait qw(wait_until);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);

our %PROGRAM = map { $_ => "/usr/bin/$_" } qw(prometheus promtool prometheus-postgres-exporter prometheus-node-exporter);

# Answers each request with what psql prints, as OpenMetrics.
my $SERVER = <<'END';
use strict;
use warnings;
use IO::Socket::INET;
my ($port, @psql) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1) or die "listen: $@";
while (my $client = $server->accept)
{
	while (<$client>) { last if /^\r?\n$/ }
	open(my $out, '-|', @psql) or die "psql: $!";
	my $text = join '', <$out>;
	$text =~ s/\n\z//;	# psql's own
	my $status = close($out) ? '200 OK' : '503 Service Unavailable';
	print $client "HTTP/1.1 $status\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
	  . "Content-Length: " . length($text) . "\r\nConnection: close\r\n\r\n$text";
	close $client;
}
END

# The packages that are missing; none: all is there.
sub missing { return grep { !-x $PROGRAM{$_} } sort keys %PROGRAM }

sub _free_port
{
	my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die "listen: $@";

	return $socket->sockport;
}

# Run a program that listens on a free port, with what a function makes of it; returns the
# port.
sub _listen
{
	my ($self, $name, $path, $command) = @_;
	my $port = _free_port();
	my $log = "$self->{dir}/$name.log";

	$self->{cluster}->background([ $command->($port) ], $log);
	my $response;
	wait_until(sub { $response = HTTP::Tiny->new(timeout => 5)->get("http://127.0.0.1:$port$path"); $response->{success} },
		"$name listens", sub { "$response->{content}\n" . slurp_file($log) });
	return $port;
}

sub start
{
	my ($class, $cluster, %o) = @_;
	my $self = bless { cluster => $cluster, dir => PostgreSQL::Test::Utils::tempdir_short(), databases => $o{databases} }, $class;
	my $dir = $self->{dir};
	my @psql = ($cluster->installed_command('psql'), '-XAtq', '-d', $cluster->connstr($o{databases}[0]) . " user=$o{role}", '-c');
	my $source = 'host=' . $cluster->host . ' port=' . $cluster->port . " user=$o{role} dbname=$o{databases}[0] sslmode=disable";

	append_to_file("$dir/server.pl", $SERVER);
	append_to_file("$dir/rules.yaml", $o{rules});
	mkdir "$dir/text" or die "mkdir: $!";
	$self->{write} = [ @psql, q{SELECT ecapi.metrics('prometheus')}, '-o', "$dir/text/ecapi.prom.new" ];
	$self->write_textfile;
	$self->{exporter} = $self->_listen('exporter', '/metrics', sub {
		return ('/usr/bin/env', "DATA_SOURCE_NAME=$source", $PROGRAM{'prometheus-postgres-exporter'},
			"--web.listen-address=127.0.0.1:$_[0]", "--extend.query-path=$o{queries}", '--auto-discover-databases', '--include-databases=' . join(',', @{ $o{databases} }));
	});
	my $open = $self->_listen('openmetrics', '/metrics', sub { return ($^X, "$dir/server.pl", $_[0], @psql, 'SELECT ecapi.metrics()') });
	my $text = $self->_listen('textfile', '/metrics', sub {
		return ($PROGRAM{'prometheus-node-exporter'}, "--web.listen-address=127.0.0.1:$_[0]", '--collector.disable-defaults',
			'--collector.textfile', "--collector.textfile.directory=$dir/text");
	});
	append_to_file("$dir/prometheus.yml", <<"END");
global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}
rule_files: [$dir/rules.yaml]
scrape_configs:
  - {job_name: exporter, static_configs: [{targets: ['127.0.0.1:$self->{exporter}']}]}
  - {job_name: openmetrics, static_configs: [{targets: ['127.0.0.1:$open']}]}
  - {job_name: textfile, static_configs: [{targets: ['127.0.0.1:$text']}]}
END
	$self->{port} = $self->_listen('prometheus', '/-/ready', sub {
		return ($PROGRAM{prometheus}, "--config.file=$dir/prometheus.yml", "--storage.tsdb.path=$dir/data", "--web.listen-address=127.0.0.1:$_[0]");
	});
	return $self;
}

# The file of node_exporter, in one step, as the manual has it.
sub write_textfile
{
	my ($self) = @_;
	my $file = "$self->{dir}/text/ecapi.prom";

	PostgreSQL::Test::Utils::system_or_bail(@{ $self->{write} });
	rename "$file.new", $file or die "rename: $!";
	return;
}

sub exported
{
	my ($self) = @_;
	my $response = HTTP::Tiny->new->get("http://127.0.0.1:$self->{exporter}/metrics");

	die "exporter: $response->{status} $response->{content}" unless $response->{success};
	return $response->{content};
}

# What the exporter has logged.
sub exporter_log { return slurp_file("$_[0]{dir}/exporter.log") }

sub _ask
{
	my ($self, $path, %form) = @_;
	my $http = HTTP::Tiny->new;
	my $url = "http://127.0.0.1:$self->{port}/api/v1/$path";
	my $response = %form ? $http->post_form($url, \%form) : $http->get($url);
	my $answer = eval { decode_json($response->{content}) };

	die "prometheus: $path: $response->{status} $response->{content}" unless $answer && $answer->{status} eq 'success';
	return $answer->{data};
}

# Rows of an instant query.
sub query
{
	my ($self, $query) = @_;

	return map { { metric => $_->{metric}, value => $_->{value}[1] } } @{ $self->_ask('query', query => $query)->{result} };
}

# Wait until a query has a row.
sub wait_query
{
	my ($self, $query, $what) = @_;

	return wait_until(sub { scalar(() = $self->query($query)) }, "$what: $query", sub { $self->problems });
}

# What Prometheus could not scrape, one a line.
sub problems
{
	my ($self) = @_;

	return join '', map { "$_->{labels}{job}: $_->{lastError}\n" } grep { $_->{lastError} ne '' } @{ $self->_ask('targets')->{activeTargets} };
}

# Labels of alerts that fire, of a job.
sub firing
{
	my ($self, $job) = @_;

	return grep { ($_->{job} // '') eq ($job // 'exporter') }
	  map { $_->{labels} } grep { $_->{state} eq 'firing' } @{ $self->_ask('alerts')->{alerts} };
}

1;
