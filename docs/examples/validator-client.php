<?php

// Gets agents' tokens and guests' signatures from the validator (PHP 8.2 with the extension curl).

declare(strict_types=1);

const USAGE = 'usage: validator-client.php tokens TENANT USER... | revoke | guest ORIGIN TENANT CHANNEL NAME';
const REQUEST_TIMEOUT = 10; // seconds for one request
const DEADLINE = 30; // seconds for all requests; on a web server, for one of its own requests
const MAX_WAIT = 10; // seconds for one Retry-After
const MARGIN = 60; // seconds that a cached token has left at least

final class ValidatorException extends RuntimeException
{
}

final class Response
{
    public function __construct(
        public readonly int $status,
        public readonly array $headers,
        public readonly string $content,
    ) {
    }

    public function mediaType(): string
    {
        return explode(';', $this->headers['content-type'] ?? '')[0];
    }

    /** Return the problem (RFC 9457) in words; of any other content, nothing. */
    public function described(): string
    {
        if ($this->mediaType() !== 'application/problem+json') {
            return "HTTP $this->status without a problem document: not from the validator";
        }
        $problem = $this->json();
        $detail = isset($problem['detail']) ? ": {$problem['detail']}" : '';
        return "HTTP $this->status {$problem['title']}$detail ({$problem['instance']})";
    }

    public function json(): array
    {
        return json_decode($this->content, true, flags: JSON_THROW_ON_ERROR);
    }
}

final class Validator
{
    private array $cache = [];

    public function __construct(
        private readonly string $url,
        private readonly string $caFile,
        private readonly string $client,
        private readonly string $secretFile,
        private readonly float $end,
    ) {
    }

    /** PHP forgets the cache after each request: keep the token in the agent's session, or in APCu. */
    public function agentToken(string $tenant, string $user): array
    {
        $cached = $this->cache[$tenant][$user] ?? null;
        if ($cached !== null && strtotime($cached['expiresAt']) - time() > MARGIN) {
            return $cached;
        }
        $body = ['tenantSpaceId' => $tenant, 'userAccount' => $user];
        return $this->cache[$tenant][$user] = $this->post('/api/v1/tokens/agent', $body, 'application/json')->json();
    }

    public function revoke(string $token): void
    {
        $this->post('/api/v1/tokens/revoke', ['token' => $token], null);
    }

    public function guest(string $origin, string $tenant, string $channel, string $name): array
    {
        $page = ["Origin: $origin"];
        $response = $this->post('/webchat/guest', [], 'application/json', $page);
        // Keep this cookie in the visitor's session: without it, every page load makes a new guest.
        $page[] = 'Cookie: ' . explode(';', $response->headers['set-cookie'] ?? '')[0];
        $id = $response->json()['thirdUserId'];
        $guest = ['thirdUserName' => $name, 'thirdUserId' => $id, 'tenantSpaceId' => $tenant];
        $signed = $guest + ['channelConfigId' => $channel];
        $line = $this->post('/webchat/authorizationService', $signed, 'text/plain', $page)->content;
        return $guest + ['thirdPartAuthorization' => $line];
    }

    /** Return a response of the expected type, or an empty one; a page's headers replace the client's. */
    private function post(string $path, array $body, ?string $expected, array $page = []): Response
    {
        $response = $this->send($path, $body, $page);
        if (in_array($response->status, [401, 429, 503], true)) {
            if ($response->status !== 401) {
                $this->wait($response);
            }
            $response = $this->send($path, $body, $page);
        }
        if ($response->status !== 200) {
            throw new ValidatorException($response->described());
        }
        if ($expected === null ? $response->content !== '' : $response->mediaType() !== $expected) {
            throw new ValidatorException('HTTP 200 with unexpected content: not from the validator');
        }
        return $response;
    }

    /** Send one request; a redirect is a response like any other. */
    private function send(string $path, array $body, array $page): Response
    {
        $headers = [];
        $options = [
            CURLOPT_URL => $this->url . $path,
            CURLOPT_POSTFIELDS => json_encode((object) $body, JSON_THROW_ON_ERROR),
            CURLOPT_HTTPHEADER => ['Content-Type: application/json', ...$page],
            CURLOPT_PROTOCOLS => CURLPROTO_HTTPS,
            CURLOPT_TIMEOUT_MS => (int) max(1, 1000 * min(REQUEST_TIMEOUT, $this->end - microtime(true))),
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$headers): int {
                [$name, $value] = explode(':', $line, 2) + [1 => ''];
                $headers[strtolower($name)] = trim($value);
                return strlen($line);
            },
        ];
        if ($this->caFile !== '') {
            $options[CURLOPT_CAINFO] = $this->caFile;
        }
        if ($page === []) {
            // Read for each request: after a rotation, the second try has the new one.
            $secret = trim((new SplFileObject($this->secretFile))->fread(4096));
            $options += [CURLOPT_HTTPAUTH => CURLAUTH_BASIC, CURLOPT_USERPWD => "$this->client:$secret"];
        }
        $curl = curl_init();
        curl_setopt_array($curl, $options);
        $content = curl_exec($curl);
        if ($content === false) {
            throw new ValidatorException(parse_url($this->url, PHP_URL_HOST) . ': ' . curl_error($curl));
        }
        return new Response(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $headers, $content);
    }

    private function wait(Response $response): void
    {
        $text = $response->headers['retry-after'] ?? '';
        $seconds = ctype_digit($text) ? (int) $text : 1;
        if ($seconds > min(MAX_WAIT, $this->end - microtime(true))) {
            throw new ValidatorException("{$response->described()}: try again in $seconds s");
        }
        sleep($seconds);
    }
}

$names = ['VALIDATOR_URL', 'VALIDATOR_CA_FILE', 'VALIDATOR_CLIENT', 'VALIDATOR_CLIENT_SECRET_FILE'];
$settings = array_map(fn (string $name): string => getenv($name) ?: '', $names);
$command = $argv[1] ?? '';
$values = array_slice($argv, 2);
$isComplete = ['tokens' => count($values) > 1, 'revoke' => $values === [], 'guest' => count($values) === 4];
if (!($isComplete[$command] ?? false) || !str_starts_with($settings[0], 'https://')) {
    fwrite(STDERR, USAGE . "\n");
    exit(2);
}
try {
    $validator = new Validator(...[...$settings, microtime(true) + DEADLINE]);
    if ($command === 'revoke') {
        $validator->revoke(trim(stream_get_contents(STDIN)));
    } elseif ($command === 'guest') {
        echo json_encode($validator->guest(...$values), JSON_UNESCAPED_UNICODE), "\n";
    }
    foreach ($command === 'tokens' ? array_slice($values, 1) : [] as $user) {
        echo json_encode($validator->agentToken($values[0], $user), JSON_UNESCAPED_UNICODE), "\n";
    }
} catch (RuntimeException | JsonException $error) {
    fwrite(STDERR, "error: {$error->getMessage()}\n");
    exit(1);
}
