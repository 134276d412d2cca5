<?php
// A message as PHP publishes it without a gateway: connect, publish with a confirm, close. For so many seconds.
require '/usr/share/php/PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;

[, $from, $to, $port, $vhost, $user, $password] = $argv;
$body = str_repeat('x', 1024);
$times = [];
while (($startedAt = microtime(true)) < (float) $to) {
    $connection = new AMQPStreamConnection('127.0.0.1', (int) $port, $user, $password, $vhost);
    $channel = $connection->channel();
    $channel->confirm_select();
    $channel->basic_publish(new AMQPMessage($body, ['delivery_mode' => 1]), 'sink', 'k');
    $channel->wait_for_pending_acks(5);
    $connection->close();
    if (($endedAt = microtime(true)) >= (float) $from && $endedAt < (float) $to) {
        $times[] = $endedAt - $startedAt;
    }
}
echo json_encode($times);
