<?php
// The same with the amqp extension.
[, $seconds, $port, $vhost, $user, $password] = $argv;
$body = str_repeat('x', 1024);
$times = [];
for ($end = microtime(true) + (float) $seconds; ($startedAt = microtime(true)) < $end;) {
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
    $times[] = microtime(true) - $startedAt;
}
echo json_encode($times);
