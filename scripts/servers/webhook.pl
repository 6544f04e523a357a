#!/usr/bin/perl
# webhook.pl DIR: answers each request with 200 once its body is a line of DIR/requests.ndjson, with its Idempotency-Key as the
# member `key` of {"key":…,"body":…}. One connection at a time is enough for one sink.
use strict;
use warnings;
use IO::Handle;
use IO::Socket::INET;

my $dir = shift or die "usage: webhook.pl DIR\n";
my (%seen, $port);
if (open my $known, '<', "$dir/port") { chomp($port = <$known>) }
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port // 0, Listen => 16, ReuseAddr => 1)
    or die "webhook: 127.0.0.1: $@\n";
open my $file, '>', "$dir/port.new" or die "$dir/port: $!\n";
print $file $server->sockport, "\n";
close $file;
rename "$dir/port.new", "$dir/port" or die "$dir/port: $!\n";

if (open my $kept, '<', "$dir/requests.ndjson") {
    while (<$kept>) { $seen{$1} = 1 if /^\{"key":"([^"]*)"/ }
}
open my $kept, '>>', "$dir/requests.ndjson" or die "$dir/requests.ndjson: $!\n";
$kept->autoflush(1);
$SIG{PIPE} = 'IGNORE';

while (my $client = $server->accept) {
    while (defined(my $line = <$client>)) {
        my ($key, $length) = ('', 0);
        while (defined($line = <$client>) and $line !~ /^\r?\n$/) {
            $key    = $1 if $line =~ /^idempotency-key:\s*(\S+)/i;
            $length = $1 if $line =~ /^content-length:\s*(\d+)/i;
        }
        last unless read($client, my $body, $length) == $length;
        $body =~ s/[\r\n]+/ /g;
        print $kept qq({"key":"$key","body":$body}\n) unless $key ne '' and $seen{$key}++;
        print $client "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        $client->flush;
    }
}
