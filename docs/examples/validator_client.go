// Gets agents' tokens and guests' signatures from the validator (Go 1.19, standard library only).
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	usage          = "usage: validator_client tokens TENANT USER... | revoke | guest ORIGIN TENANT CHANNEL NAME"
	requestTimeout = 10 * time.Second
	deadline       = 30 * time.Second // for all requests; in a server, for one of its own requests
	maxWait        = 10 * time.Second // for one Retry-After
	margin         = time.Minute      // what a cached token has left at least
)

// Fields are those of a request or a response, by the cloud's names.
type Fields map[string]string

// Validator may be shared between goroutines.
type Validator struct {
	url, client, secretFile string
	http                    *http.Client
	cache                   sync.Map // tokens by [2]string{tenant, user}
}

// NewValidator trusts the authority in caFile, or the system's if it is empty.
func NewValidator(url, caFile, client, secretFile string) (*Validator, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	httpClient := &http.Client{Transport: transport, Timeout: requestTimeout, CheckRedirect: stay}
	return &Validator{url: url, client: client, secretFile: secretFile, http: httpClient}, nil
}

// AgentToken returns a token from the cache while it has enough time left, else a new one.
func (v *Validator) AgentToken(ctx context.Context, tenant, user string) (token Fields, err error) {
	key := [2]string{tenant, user}
	if cached, found := v.cache.Load(key); found {
		token = cached.(Fields)
		if end, err := time.Parse(time.RFC3339, token["expiresAt"]); err == nil && time.Until(end) > margin {
			return token, nil
		}
	}
	wanted := Fields{"tenantSpaceId": tenant, "userAccount": user}
	response, err := v.post(ctx, "/api/v1/tokens/agent", wanted, "application/json", nil)
	if err != nil {
		return nil, err
	}
	if token, err = response.fields(); err == nil {
		v.cache.Store(key, token)
	}
	return token, err
}

// Revoke ends a token.
func (v *Validator) Revoke(ctx context.Context, token string) error {
	_, err := v.post(ctx, "/api/v1/tokens/revoke", Fields{"token": token}, "", nil)
	return err
}

// Guest returns what a guest's page posts to the cloud.
func (v *Validator) Guest(ctx context.Context, origin, tenant, channel, name string) (Fields, error) {
	page := http.Header{"Origin": {origin}}
	response, err := v.post(ctx, "/webchat/guest", Fields{}, "application/json", page)
	if err != nil {
		return nil, err
	}
	guest, err := response.fields()
	if err != nil {
		return nil, err
	}
	// Keep this cookie in the visitor's session: without it, every page load makes a new guest.
	cookie, _, _ := strings.Cut(response.header.Get("Set-Cookie"), ";")
	page.Set("Cookie", cookie)
	guest["thirdUserName"], guest["tenantSpaceId"], guest["channelConfigId"] = name, tenant, channel
	response, err = v.post(ctx, "/webchat/authorizationService", guest, "text/plain", page)
	if err != nil {
		return nil, err
	}
	delete(guest, "channelConfigId")
	guest["thirdPartAuthorization"] = string(response.content)
	return guest, nil
}

// post returns a response of the expected type, or an empty one; page replaces the client's header.
func (v *Validator) post(
	ctx context.Context, path string, body Fields, expected string, page http.Header,
) (response reply, err error) {
	response, err = v.send(ctx, path, body, page)
	switch response.status {
	case 429, 503:
		if err := response.wait(ctx); err != nil {
			return response, err
		}
		fallthrough
	case 401:
		response, err = v.send(ctx, path, body, page)
	}
	switch {
	case err != nil:
	case response.status != 200:
		err = response.problem()
	case expected == "" && len(response.content) > 0, expected != "" && response.mediaType() != expected:
		err = errors.New("HTTP 200 with unexpected content: not from the validator")
	}
	return response, err
}

// send reads the secret for each request: after a rotation, the second try has the new one.
func (v *Validator) send(ctx context.Context, path string, body Fields, page http.Header) (reply, error) {
	encoded, _ := json.Marshal(body)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url+path, bytes.NewReader(encoded))
	if err != nil {
		return reply{}, err
	}
	if page != nil {
		request.Header = page.Clone()
	} else {
		secret, err := os.ReadFile(v.secretFile)
		if err != nil {
			return reply{}, err
		}
		request.SetBasicAuth(v.client, strings.TrimSpace(string(secret)))
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := v.http.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, content}, err
}

type reply struct {
	status  int
	header  http.Header
	content []byte
}

func (r reply) mediaType() string {
	name, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	return name
}

func (r reply) fields() (fields Fields, err error) {
	if json.Unmarshal(r.content, &fields) != nil {
		err = errors.New("invalid JSON: not from the validator")
	}
	return fields, err
}

// problem returns the problem (RFC 9457) in words; of any other content, nothing.
func (r reply) problem() error {
	var problem struct{ Title, Detail, Instance string }
	if r.mediaType() != "application/problem+json" || json.Unmarshal(r.content, &problem) != nil {
		return fmt.Errorf("HTTP %d without a problem document: not from the validator", r.status)
	}
	if problem.Detail != "" {
		problem.Title += ": " + problem.Detail
	}
	return fmt.Errorf("HTTP %d %s (%s)", r.status, problem.Title, problem.Instance)
}

func (r reply) wait(ctx context.Context) error {
	seconds, err := strconv.ParseUint(r.header.Get("Retry-After"), 10, 31)
	if err != nil {
		seconds = 1
	}
	pause := time.Duration(seconds) * time.Second
	if end, bounded := ctx.Deadline(); pause > maxWait || bounded && pause > time.Until(end) {
		return fmt.Errorf("%w: try again in %d s", r.problem(), seconds)
	}
	time.Sleep(pause)
	return nil
}

func run(v *Validator, command string, values []string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var fields Fields
	switch output := json.NewEncoder(os.Stdout); command {
	case "tokens":
		for _, user := range values[1:] {
			if fields, err = v.AgentToken(ctx, values[0], user); err != nil {
				return err
			}
			output.Encode(fields)
		}
	case "revoke":
		var token []byte
		if token, err = io.ReadAll(os.Stdin); err == nil {
			err = v.Revoke(ctx, strings.TrimSpace(string(token)))
		}
	case "guest":
		if fields, err = v.Guest(ctx, values[0], values[1], values[2], values[3]); err == nil {
			output.Encode(fields)
		}
	}
	return err
}

func main() {
	log.SetFlags(0)
	command, values := "", []string{}
	if len(os.Args) > 1 {
		command, values = os.Args[1], os.Args[2:]
	}
	isComplete := map[string]bool{"tokens": len(values) > 1, "revoke": len(values) == 0, "guest": len(values) == 4}
	url := os.Getenv("VALIDATOR_URL")
	if !isComplete[command] || !strings.HasPrefix(url, "https://") {
		log.Print(usage)
		os.Exit(2)
	}
	caFile, secretFile := os.Getenv("VALIDATOR_CA_FILE"), os.Getenv("VALIDATOR_CLIENT_SECRET_FILE")
	v, err := NewValidator(url, caFile, os.Getenv("VALIDATOR_CLIENT"), secretFile)
	if err == nil {
		err = run(v, command, values)
	}
	if err != nil {
		log.Fatal("error: ", err)
	}
}
