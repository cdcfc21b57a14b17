// Gets agents' tokens and guests' signatures from the validator (C# 7, standard library only).

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

/// <summary>What is read of the responses.</summary>
[DataContract]
public sealed class Members
{
    [DataMember] public string expiresAt;
    [DataMember] public string thirdUserId;
    [DataMember] public string title;
    [DataMember] public string detail;
    [DataMember] public string instance;
}

/// <summary>Share one instance in your server; <c>end</c> is the deadline of one of its requests.</summary>
public sealed class Validator : IDisposable
{
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(10); // for one Retry-After
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(60); // what a cached token has left at least
    private static readonly Dictionary<string, string> NoPage = new Dictionary<string, string>();

    private readonly string client, secretFile;
    private readonly HttpClient http;
    private readonly ConcurrentDictionary<string, string> cache = new ConcurrentDictionary<string, string>();

    public Validator(string url, string caFile, string client, string secretFile)
    {
        this.client = client;
        this.secretFile = secretFile;
        var handler = new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false };
        if (caFile != "")
        {
            var authority = new X509Certificate2(caFile);
            handler.ServerCertificateCustomValidationCallback = (request, certificate, chain, errors) =>
                IsTrusted(authority, request.RequestUri.Host, certificate, chain, errors);
        }
        http = new HttpClient(handler) { BaseAddress = new Uri(url), Timeout = Timeout.InfiniteTimeSpan };
    }

    public void Dispose() => http.Dispose();

    /// <summary>Returns the token's response as JSON, from the cache while it has enough time left.</summary>
    public async Task<string> AgentToken(string tenant, string user, DateTime end)
    {
        var body = Json(new Dictionary<string, string> { ["tenantSpaceId"] = tenant, ["userAccount"] = user });
        string cached;
        if (cache.TryGetValue(body, out cached)
            && DateTimeOffset.Parse(Read(cached).expiresAt) - DateTimeOffset.UtcNow > Margin)
        {
            return cached;
        }
        return cache[body] = Text(await Post("/api/v1/tokens/agent", body, "application/json", NoPage, end));
    }

    public Task Revoke(string token, DateTime end) =>
        Post("/api/v1/tokens/revoke", Json(new Dictionary<string, string> { ["token"] = token }), null, NoPage, end);

    /// <summary>Returns what a guest's page posts to the cloud.</summary>
    public async Task<string> Guest(string origin, string tenant, string channel, string name, DateTime end)
    {
        var page = new Dictionary<string, string> { ["Origin"] = origin };
        var greeting = await Post("/webchat/guest", "{}", "application/json", page, end);
        // Keep this cookie in the visitor's session: without it, every page load makes a new guest.
        page["Cookie"] = Header(greeting, "Set-Cookie").Split(';')[0];
        var guest = new Dictionary<string, string>
        {
            ["thirdUserName"] = name,
            ["thirdUserId"] = Read(Text(greeting)).thirdUserId,
            ["tenantSpaceId"] = tenant,
            ["channelConfigId"] = channel,
        };
        var line = Text(await Post("/webchat/authorizationService", Json(guest), "text/plain", page, end));
        guest.Remove("channelConfigId");
        guest["thirdPartAuthorization"] = line;
        return Json(guest);
    }

    /// <summary>Returns a response of the expected type, or an empty one; a page's headers replace the client's.</summary>
    private async Task<HttpResponseMessage> Post(string path, string body, string expected, Dictionary<string, string> page, DateTime end)
    {
        var response = await Send(path, body, page, end);
        if (Status(response) == 401 || Status(response) == 429 || Status(response) == 503)
        {
            if (Status(response) != 401)
            {
                await Pause(response, end);
            }
            response = await Send(path, body, page, end);
        }
        if (Status(response) != 200)
        {
            throw new HttpRequestException(Described(response));
        }
        if (expected == null ? Text(response) != "" : MediaType(response) != expected)
        {
            throw new HttpRequestException("HTTP 200 with unexpected content: not from the validator");
        }
        return response;
    }

    /// <summary>Reads the secret for each request: after a rotation, the second try has the new one.</summary>
    private async Task<HttpResponseMessage> Send(string path, string body, Dictionary<string, string> page, DateTime end)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        foreach (var header in page)
        {
            request.Headers.TryAddWithoutValidation(header.Key, header.Value);
        }
        if (page.Count == 0)
        {
            var credentials = Encoding.UTF8.GetBytes(client + ":" + File.ReadAllText(secretFile).Trim());
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(credentials));
        }
        var left = TimeSpan.FromTicks(Math.Max(1, Math.Min(RequestTimeout.Ticks, (end - DateTime.UtcNow).Ticks)));
        using (var timeout = new CancellationTokenSource(left))
        {
            try
            {
                return await http.SendAsync(request, timeout.Token);
            }
            catch (OperationCanceledException)
            {
                throw new HttpRequestException(http.BaseAddress.Authority + ": no response in time");
            }
            catch (HttpRequestException error)
            {
                throw new HttpRequestException(http.BaseAddress.Authority + ": " + (error.InnerException ?? error).Message);
            }
        }
    }

    private static async Task Pause(HttpResponseMessage response, DateTime end)
    {
        uint seconds;
        var wait = TimeSpan.FromSeconds(uint.TryParse(Header(response, "Retry-After"), out seconds) ? seconds : 1);
        if (wait > MaxWait || DateTime.UtcNow + wait > end)
        {
            throw new HttpRequestException($"{Described(response)}: try again in {wait.TotalSeconds} s");
        }
        await Task.Delay(wait);
    }

    /// <summary>Returns the problem (RFC 9457) in words; of any other content, nothing.</summary>
    private static string Described(HttpResponseMessage response)
    {
        if (MediaType(response) != "application/problem+json")
        {
            return $"HTTP {Status(response)} without a problem document: not from the validator";
        }
        var problem = Read(Text(response));
        var detail = problem.detail == null ? "" : ": " + problem.detail;
        return $"HTTP {Status(response)} {problem.title}{detail} ({problem.instance})";
    }

    private static bool IsTrusted(
        X509Certificate2 authority, string host, X509Certificate2 certificate, X509Chain presented, SslPolicyErrors errors)
    {
        if ((errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0)
        {
            return false;
        }
        // Mono does not report a wrong name beside an unknown authority; .NET does.
        if (Type.GetType("Mono.Runtime") != null && !Names(certificate).Contains(host))
        {
            return false;
        }
        using (var chain = new X509Chain())
        {
            chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
            chain.ChainPolicy.ExtraStore.Add(authority);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
            var isWhole = chain.Build(certificate);
            var root = chain.ChainElements.Cast<X509ChainElement>().Last().Certificate;
            return isWhole && root.RawData.SequenceEqual(authority.RawData);
        }
    }

    private static IEnumerable<string> Names(X509Certificate2 certificate) =>
        certificate.Extensions.Cast<X509Extension>().Where(each => each.Oid.Value == "2.5.29.17")
            .SelectMany(each => each.Format(false).Split(',')).Select(name => name.Split('=').Last().Trim());

    private static string Json(Dictionary<string, string> members)
    {
        var settings = new DataContractJsonSerializerSettings { UseSimpleDictionaryFormat = true };
        using (var stream = new MemoryStream())
        {
            new DataContractJsonSerializer(members.GetType(), settings).WriteObject(stream, members);
            return Encoding.UTF8.GetString(stream.ToArray());
        }
    }

    private static Members Read(string json)
    {
        try
        {
            using (var stream = new MemoryStream(Encoding.UTF8.GetBytes(json)))
            {
                return (Members)new DataContractJsonSerializer(typeof(Members)).ReadObject(stream);
            }
        }
        catch (SerializationException)
        {
            throw new HttpRequestException("invalid JSON: not from the validator");
        }
    }

    private static int Status(HttpResponseMessage response) => (int)response.StatusCode;

    private static string MediaType(HttpResponseMessage response) => response.Content.Headers.ContentType?.MediaType;

    // SendAsync has read the whole content.
    private static string Text(HttpResponseMessage response) => response.Content.ReadAsStringAsync().Result;

    private static string Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.First() : "";
}

public static class Program
{
    private const string Usage =
        "usage: ValidatorClient tokens TENANT USER... | revoke | guest ORIGIN TENANT CHANNEL NAME";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public static int Main(string[] arguments)
    {
        var command = arguments.FirstOrDefault();
        var isComplete = command == "tokens" && arguments.Length > 2
            || command == "revoke" && arguments.Length == 1
            || command == "guest" && arguments.Length == 5;
        if (!isComplete || !Setting("URL").StartsWith("https://"))
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }
        try
        {
            Run(command, arguments.Skip(1).ToArray(), DateTime.UtcNow + Deadline).GetAwaiter().GetResult();
            return 0;
        }
        catch (Exception error) when (error is HttpRequestException || error is IOException)
        {
            Console.Error.WriteLine("error: " + error.Message);
            return 1;
        }
    }

    private static async Task Run(string command, string[] values, DateTime end)
    {
        var settings = new[] { "URL", "CA_FILE", "CLIENT", "CLIENT_SECRET_FILE" }.Select(Setting).ToArray();
        using (var validator = new Validator(settings[0], settings[1], settings[2], settings[3]))
        {
            switch (command)
            {
                case "tokens":
                    foreach (var user in values.Skip(1))
                    {
                        Console.WriteLine(await validator.AgentToken(values[0], user, end));
                    }
                    break;
                case "revoke":
                    await validator.Revoke((await Console.In.ReadToEndAsync()).Trim(), end);
                    break;
                case "guest":
                    Console.WriteLine(await validator.Guest(values[0], values[1], values[2], values[3], end));
                    break;
            }
        }
    }

    private static string Setting(string name) => Environment.GetEnvironmentVariable("VALIDATOR_" + name) ?? "";
}
