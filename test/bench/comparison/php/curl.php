<?php
// A message as PHP publishes it through the gateway: one POST on a connection of its own, as each request of a page would.
[, $from, $to, $port, $vhost, $user, $password] = $argv;
$body = str_repeat('x', 1024);
$times = [];
while (($startedAt = microtime(true)) < (float) $to) {
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
    if (($endedAt = microtime(true)) >= (float) $from && $endedAt < (float) $to) {
        $times[] = $endedAt - $startedAt;
    }
}
echo json_encode($times);
