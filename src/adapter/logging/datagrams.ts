/**
 * A program in Perl that sends datagrams to a Unix socket, which Node cannot. Its arguments are the socket's path and the
 * process that it works for; over its standard input come records, each after its length in four bytes. It says how it
 * fares: `ready`, `failed` and why, `recovered`. It needs what Debian's perl-base has. Where the socket is one of streams,
 * it writes them there.
 */
export const DATAGRAMS = `
use Socket;
my ($path, $owner) = @ARGV;
$SIG{$_} = 'IGNORE' for qw(INT TERM HUP QUIT USR1 USR2 ALRM PIPE);
binmode STDIN;
$| = 1;
my ($socket, $failing);
sub opened {
  for my $type (SOCK_DGRAM, SOCK_STREAM) {
    socket(my $new, AF_UNIX, $type, 0) or return;
    setsockopt($new, SOL_SOCKET, SO_SNDTIMEO, pack('l!l!', 1, 0));
    return $new if connect($new, pack_sockaddr_un($path));
    return unless $!{EPROTOTYPE};
  }
  return;
}
sub sent {
  $socket ||= opened();
  my $sent = $socket && send($socket, $_[0], 0);
  if (defined $sent and $socket) {
    print "recovered\\n" if $failing;
    $failing = 0;
    $_[0] = substr($_[0], $sent);
    return 1;
  }
  return 0 if $socket and ($!{EAGAIN} or $!{EINTR});
  if ($!{EMSGSIZE}) { $_[0] = ''; return 1 }
  print "failed $!\\n" unless $failing;
  $failing = 1;
  undef $socket;
  select(undef, undef, undef, 1);
  return 0;
}
print "ready\\n";
while ((read(STDIN, my $head, 4) || 0) == 4) {
  my $length = unpack('N', $head);
  (read(STDIN, my $record, $length) || 0) == $length or last;
  while ($record ne '') { sent($record) or getppid() == $owner or exit }
}
`;
