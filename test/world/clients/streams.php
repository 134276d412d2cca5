<?php
// Posts with PHP's streams: as HTTP/1.0 and 1.1, with the whole URL in the request line, and a form. Prints a status a line.

[, $url, $user, $password, $file] = $argv;
$authorization = 'Authorization: Basic ' . base64_encode("$user:$password");

function post(array $options): void
{
    global $url;
    $context = stream_context_create(['http' => $options + ['method' => 'POST', 'ignore_errors' => true]]);
    file_get_contents($url, false, $context);
    echo explode(' ', $http_response_header[0])[1], "\n";
}

$raw = ['header' => [$authorization, 'Content-Type: application/octet-stream'], 'content' => file_get_contents($file)];
post($raw + ['protocol_version' => 1.0]);
post($raw + ['protocol_version' => 1.1]);
post($raw + ['request_fulluri' => true]);
// Without a Content-Type, PHP calls it a form.
post(['header' => [$authorization], 'content' => http_build_query(['body' => file_get_contents($file)])]);
