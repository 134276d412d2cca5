<?php
// A message as PHP publishes it through the gateway: one POST on a connection of its own, as each request of a page would.
[, $seconds, $port, $vhost, $user, $password] = $argv;
$body = str_repeat('x', 1024);
$times = [];
for ($end = microtime(true) + (float) $seconds; ($startedAt = microtime(true)) < $end;) {
    $curl = curl_init('http://127.0.0.1:' . $port . '/' . rawurlencode($vhost) . '/sink/k');
    curl_setopt_array($curl, [
        CURLOPT_USERPWD => "$user:$password",
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_HTTPHEADER => ['Content-Type: application/octet-stream'],
        CURLOPT_RETURNTRANSFER => true,
    ]);
    curl_exec($curl);
    if (curl_getinfo($curl, CURLINFO_RESPONSE_CODE) !== 204) {
        throw new Exception('not published');
    }
    curl_close($curl);
    $times[] = microtime(true) - $startedAt;
}
echo json_encode($times);
