<?php
// Reads messages as programs on php-amqplib do.

require 'PhpAmqpLib/autoload.php';
require __DIR__ . '/report.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;

[$port, $vhost, $user, $password, $queue, $count] = arguments();

$connection = new AMQPStreamConnection('127.0.0.1', $port, $user, $password, $vhost);
$channel = $connection->channel();
$channel->basic_qos(0, 1, false);
$channel->basic_consume($queue, '', false, false, false, false, function (AMQPMessage $message) use (&$count): void {
    $properties = $message->get_properties();
    $headers = $properties['application_headers'] ?? null;
    unset($properties['application_headers']);
    report($message->getBody(), $properties, $headers?->getNativeData() ?? []);
    $message->ack();
    $count -= 1;
});
while ($count > 0) {
    $channel->wait(null, false, 20);
}
$connection->close();
