<?php
// The same with the amqp extension.
[, $from, $to, $port, $vhost, $user, $password] = $argv;
$body = str_repeat('x', 1024);
$times = [];
while (($startedAt = microtime(true)) < (float) $to) {
    $connection = new AMQPConnection(
        ['host' => '127.0.0.1', 'port' => (int) $port, 'vhost' => $vhost, 'login' => $user, 'password' => $password],
    );
    $connection->connect();
    $channel = new AMQPChannel($connection);
    $channel->confirmSelect();
    $channel->setConfirmCallback(fn () => false, fn () => throw new Exception('nack'));
    $exchange = new AMQPExchange($channel);
    $exchange->setName('sink');
    $exchange->publish($body, 'k', AMQP_NOPARAM, ['delivery_mode' => 1]);
    $channel->waitForConfirm(5);
    $connection->disconnect();
    if (($endedAt = microtime(true)) >= (float) $from && $endedAt < (float) $to) {
        $times[] = $endedAt - $startedAt;
    }
}
echo json_encode($times);
