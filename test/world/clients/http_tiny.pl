#!/usr/bin/perl
# Posts with HTTP::Tiny, on one connection. Prints a status a line.
use strict;
use warnings;
use HTTP::Tiny;
use MIME::Base64 qw(encode_base64);

my ($url, $user, $password, $body_file) = @ARGV;
open(my $file, '<:raw', $body_file) or die "$body_file: $!";
my $body = do { local $/; <$file> };

my $http = HTTP::Tiny->new(
  keep_alive => 1,
  default_headers => { Authorization => 'Basic ' . encode_base64("$user:$password", '') },
);
# Form fields are characters, which it encodes as UTF-8.
print $http->post_form($url, { body => 'text & more' })->{status}, "\n";
print $http->post($url, { content => $body, headers => { 'Content-Type' => 'application/octet-stream' } })->{status}, "\n";
# A function's content is sent in chunks.
my @chunks = ('a', 'b');
print $http->post($url, { content => sub { shift @chunks } })->{status}, "\n";
