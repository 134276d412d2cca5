<?php
// Reads messages as programs on PHP's amqp extension (librabbitmq) do.

require __DIR__ . '/report.php';

[$port, $vhost, $user, $password, $queue, $count] = arguments();

$connection = new AMQPConnection([
    'host' => '127.0.0.1',
    'port' => $port,
    'vhost' => $vhost,
    'login' => $user,
    'password' => $password,
    'read_timeout' => 20,
]);
$connection->connect();
$channel = new AMQPChannel($connection);
$channel->qos(0, 1);
$source = new AMQPQueue($channel);
$source->setName($queue);
if ($count > 0) {
    $source->consume(function (AMQPEnvelope $message, AMQPQueue $source) use (&$count): bool {
        $properties = [
            'app_id' => $message->getAppId(),
            'content_encoding' => $message->getContentEncoding(),
            'content_type' => $message->getContentType(),
            'correlation_id' => $message->getCorrelationId(),
            'delivery_mode' => $message->getDeliveryMode(),
            'expiration' => $message->getExpiration(),
            'message_id' => $message->getMessageId(),
            'priority' => $message->getPriority(),
            'reply_to' => $message->getReplyTo(),
            'timestamp' => $message->getTimestamp(),
            'type' => $message->getType(),
            'user_id' => $message->getUserId(),
        ];
        // The extension does not tell an absent property from an empty one.
        $given = array_filter($properties, fn($value) => $value !== '' && $value !== 0);
        report($message->getBody(), $given, $message->getHeaders());
        $source->ack($message->getDeliveryTag());
        $count -= 1;
        return $count > 0;
    });
}
$connection->disconnect();
