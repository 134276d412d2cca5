<?php
// What both PHP consumers share: the lines that test/world/support/consumers.ts reads.

/** The program's arguments: port, vhost, user, password, queue, number of messages. */
function arguments(): array
{
    global $argv;
    [, $port, $vhost, $user, $password, $queue, $count] = $argv;
    return [(int) $port, $vhost, $user, $password, $queue, (int) $count];
}

/** A value with its type, so that nothing is lost in JSON: `int 9223372036854775807`, `float 3ff8000000000000`. */
function describe(mixed $value): mixed
{
    return match (true) {
        $value === null => 'null',
        is_bool($value) => $value ? 'bool true' : 'bool false',
        is_int($value) => "int $value",
        is_float($value) => 'float ' . bin2hex(pack('E', $value)),
        is_string($value) => describe_string($value),
        is_array($value) && array_is_list($value) => array_map('describe', $value),
        is_array($value) => (object) array_map('describe', $value),
        $value instanceof DateTimeInterface => 'time ' . $value->getTimestamp(),
        $value instanceof AMQPTimestamp => 'time ' . (int) $value->getTimestamp(),
        $value instanceof AMQPDecimal => describe_decimal($value->getSignificand(), $value->getExponent()),
        $value instanceof PhpAmqpLib\Wire\AMQPDecimal => describe_decimal($value->getN(), $value->getE()),
        default => throw new TypeError('no description for ' . get_debug_type($value)),
    };
}

/** PHP has one type for text and for bytes. */
function describe_string(string $value): string
{
    return mb_check_encoding($value, 'UTF-8') ? "string $value" : 'bytes ' . base64_encode($value);
}

function describe_decimal(int $significand, int $exponent): string
{
    $digits = str_pad((string) abs($significand), $exponent + 1, '0', STR_PAD_LEFT);
    $point = strlen($digits) - $exponent;
    $fraction = $exponent === 0 ? '' : '.' . substr($digits, $point);
    return 'decimal ' . ($significand < 0 ? '-' : '') . substr($digits, 0, $point) . $fraction;
}

/** Prints one message. */
function report(string $body, array $properties, array $headers): void
{
    $line = [
        'body' => base64_encode($body),
        'properties' => (object) array_map('describe', $properties),
        'headers' => (object) array_map('describe', $headers),
    ];
    echo json_encode($line, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE), "\n";
}
