package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// Each fault names its field.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	secret, err := jwks.Secret(bytes.Repeat([]byte("s"), 32), "HS256")
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*consumer.Config){
		"Config.Issuer is required":                 func(c *consumer.Config) { c.Issuer = "" },
		"Config.Audience is required":               func(c *consumer.Config) { c.Audience = nil },
		"Config.Audience contains an empty name":    func(c *consumer.Config) { c.Audience = []string{audience, ""} },
		"Config.Audience must be empty if Audience": func(c *consumer.Config) { c.AudienceFunc = audienceOfTenant },
		"Config.InsecureNoAudience must not be set with AudienceFunc": func(c *consumer.Config) {
			c.Audience, c.AudienceFunc, c.InsecureNoAudience, c.ClientIDs = nil, audienceOfTenant, true, []string{"app"}
		},
		"Config.ClientIDs is required":                func(c *consumer.Config) { c.InsecureNoAudience = true },
		"Config.ClientIDs contains an empty id":       func(c *consumer.Config) { c.ClientIDs = []string{""} },
		"Config.ClientIDs is set, but no claim names": func(c *consumer.Config) { c.Profile, c.ClientIDs = consumer.ProfileCrossauth, []string{"a"} },
		"Config.RequiredClaims contains an empty":     func(c *consumer.Config) { c.RequiredClaims = []string{"scope", ""} },
		"Config.InsecureAcceptIDToken is require":     func(c *consumer.Config) { c.Profile = consumer.ProfileGoogle },
		"Config.ClockSkew is 5m0.000000001s, more":    func(c *consumer.Config) { c.ClockSkew = 5*time.Minute + 1 },
		"Config.StatusTTL is negative":                func(c *consumer.Config) { c.Status, c.StatusTTL = &answers{}, -1 },
		"Config.StatusTTL is 1h0m0.000000001s, more":  func(c *consumer.Config) { c.Status, c.StatusTTL = &answers{}, time.Hour+1 },
		"Config.StatusTTL is set, but Status":         func(c *consumer.Config) { c.StatusTTL = 1 },
		"Config.InsecureStatusFailOpen is set, but":   func(c *consumer.Config) { c.InsecureStatusFailOpen = true },
		"Config.MaxTokenBytes is negative":            func(c *consumer.Config) { c.MaxTokenBytes = -1 },
		"Config.MaxHeaderBytes is negative":           func(c *consumer.Config) { c.MaxHeaderBytes = -1 },
		"Config.MaxHeaderBytes is 65537, more than":   func(c *consumer.Config) { c.MaxHeaderBytes = 64<<10 + 1 },
		"Config.ScopeClaims contains an empty name":   func(c *consumer.Config) { c.ScopeClaims = []string{"scope", ""} },
		"Config.Metadata: oidcdiscovery":              func(c *consumer.Config) { c.Metadata = &oidcdiscovery.Metadata{} },
		"Config.MetadataURL: URL is not an":           func(c *consumer.Config) { c.Keys, c.MetadataURL = nil, "issuer.test/metadata" },
		`Config.MetadataURL: URL "http://a.test" is not https, and its host is not loopback`: func(c *consumer.Config) {
			c.Keys, c.MetadataURL = nil, "http://a.test"
		},
		"Config.MetadataURL must be empty if Metadata or Keys": func(c *consumer.Config) { c.MetadataURL = "https://a.test" },
		"Config.MetadataURL must be empty if Metadata": func(c *consumer.Config) {
			c.Keys, c.Metadata = nil, &oidcdiscovery.Metadata{Issuer: issuerURL, JWKSURI: issuerURL}
			c.MetadataURL = "https://a.test"
		},
		"Config.DiscoveryTimeout is -1ns, expected 0 to 1m0s": func(c *consumer.Config) { c.Keys, c.DiscoveryTimeout = nil, -1 },
		"Config.DiscoveryTimeout is 1m0.000000001s, expected": func(c *consumer.Config) { c.Keys, c.DiscoveryTimeout = nil, time.Minute+1 },
		"Config.DiscoveryTimeout must be zero if Keys":        func(c *consumer.Config) { c.DiscoveryTimeout = time.Second },
		"Config.KeyCache must be zero":                        func(c *consumer.Config) { c.KeyCache.MaxKeys = 1 },
		`Config.Algorithms: "none" is not supp`:               func(c *consumer.Config) { c.Algorithms = []string{"none"} },
		`Config.Algorithms: "es256" is not supp`:              func(c *consumer.Config) { c.Algorithms = []string{"ES256", "es256"} },
		`Config.Algorithms: "HS256" needs a shared`:           func(c *consumer.Config) { c.Algorithms = []string{"ES256", "HS256"} },
		`Config.Algorithms: "ES256" needs public`: func(c *consumer.Config) {
			c.Keys, c.Algorithms = secret, []string{"HS256", "ES256"}
		},
		"Config.Keys: jwks: key 0": func(c *consumer.Config) {
			c.Keys = jwks.Static{{Algorithm: "HS256", Public: []byte("short")}}
		},
		"Config.Keys: jwks: there are no keys": func(c *consumer.Config) { c.Keys = jwks.Static{} },
		"Config.Issuer: oidcdiscovery: issuer": func(c *consumer.Config) { c.Keys, c.Issuer = nil, "http://issuer.test" },
		"Config.Issuer: oidcdiscovery: issuer: URL has a query": func(c *consumer.Config) {
			c.Keys, c.Issuer = nil, issuerURL+"?tenant=a"
		},
		"Config.KeyCache must not":                         func(c *consumer.Config) { c.Keys, c.KeyCache.URL = nil, issuerURL+"/jwks" },
		"Config.KeyCache must not set URL, HTTPC":          func(c *consumer.Config) { c.Keys, c.KeyCache.HTTPClient = nil, issuer.Client() },
		"Config.KeyCache must not set URL, HTTPClient, P":  func(c *consumer.Config) { c.Keys, c.KeyCache.PublicAddressesOnly = nil, true },
		"Config.KeyCache must not set URL, HTTPClient, Pu": func(c *consumer.Config) { c.Keys, c.KeyCache.InsecureAllowHTTP = nil, true },
		"Config.Metadata has no jwks_uri":                  func(c *consumer.Config) { c.Keys, c.Metadata = nil, metadata(issuerURL, "") },
		"Config.Metadata: oidcdiscovery: the do": func(c *consumer.Config) {
			c.Keys, c.Metadata = nil, metadata("https://other.test", issuerURL+"/jwks")
		},
		"Config.Metadata: oidcdiscovery: jwks_u": func(c *consumer.Config) {
			c.Keys, c.Metadata = nil, metadata(issuerURL, "http://issuer.test/jwks")
		},
		"Config.KeyCache: jwks: Config.MaxKeys": func(c *consumer.Config) {
			c.Keys, c.Metadata, c.KeyCache.MaxKeys = nil, metadata(issuerURL, issuerURL+"/jwks"), -1
		},
		"Config.KeyCache: jwks: Config.Timeout":            func(c *consumer.Config) { c.Keys, c.KeyCache.Timeout = nil, -1 },
		"Config.PublicAddressesOnly must be false if Keys": func(c *consumer.Config) { c.PublicAddressesOnly = true },
		"Config.PublicAddressesOnly": func(c *consumer.Config) {
			c.Keys, c.HTTPClient, c.PublicAddressesOnly = nil, issuer.Client(), true
		},
	} {
		cfg := offline(t, issuer)
		spoil(&cfg)
		c, err := consumer.New(cfg)
		if c != nil || err == nil || !strings.Contains(err.Error(), "consumer: "+want) {
			t.Errorf("%v, error %q, want %q", c, err, want)
		}
	}
}

func metadata(issuer, keys string) *oidcdiscovery.Metadata {
	return &oidcdiscovery.Metadata{Issuer: issuer, JWKSURI: keys}
}

func TestConfigFaultsAreJoined(t *testing.T) {
	t.Parallel()
	_, err := consumer.New(consumer.Config{
		ScopeClaims: []string{""}, ClockSkew: time.Hour, MaxTokenBytes: -1, Algorithms: []string{"none", "HS256"}, ClientIDs: []string{""},
		InsecureNoAudience: true, Keys: jwks.Static{}, Metadata: &oidcdiscovery.Metadata{},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{
		"Issuer", "ScopeClaims", "ClockSkew", "MaxTokenBytes", `Algorithms: "none"`, `Algorithms: "HS256"`, "ClientIDs", "Keys",
		"Metadata",
	} {
		if !strings.Contains(err.Error(), "consumer: Config."+field) {
			t.Errorf("%s is not named in:\n%v", field, err)
		}
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 9 {
		t.Errorf("%d lines, want one a fault:\n%v", lines, err)
	}
}

// setting is a field of Config and a token that is accepted or rejected because of it.
type setting struct {
	set           func(t *testing.T, cfg *consumer.Config)
	token         func(*bearertest.Token) *bearertest.Token // nil: a good one
	before, after consumer.Reason                           // empty: accepted
}

// settings has every field whose effect is that a token is accepted or rejected.
func settings(issuer *bearertest.Issuer) map[string]setting {
	good := consumer.Reason("")
	type cfg = consumer.Config
	return map[string]setting{
		"Issuer": {
			set: func(_ *testing.T, c *cfg) { c.Issuer = "https://b.test" }, token: claim("iss", "https://b.test"),
			before: consumer.ReasonIssuer, after: good,
		},
		"Audience": {
			set: func(_ *testing.T, c *cfg) { c.Audience = []string{"a", "b"} }, token: claim("aud", "b"),
			before: consumer.ReasonAudience, after: good,
		},
		"AudienceFunc": {
			set: func(_ *testing.T, c *cfg) {
				c.Audience, c.AudienceFunc = nil, func(context.Context) []string { return []string{"a", "b"} }
			},
			token:  claim("aud", "b"),
			before: consumer.ReasonAudience, after: good,
		},
		"Profile": {
			set: func(_ *testing.T, c *cfg) { c.Profile = consumer.ProfileRFC9068 }, token: header("typ", "JWT"),
			before: good, after: consumer.ReasonType,
		},
		"Algorithms": {
			set:    func(_ *testing.T, c *cfg) { c.Algorithms = []string{"RS256"} },
			before: good, after: consumer.ReasonAlgorithm,
		},
		"Keys": {
			set:    func(t *testing.T, c *cfg) { t.Helper(); c.Keys = publishedKeys(t, newIssuer()) },
			before: good, after: consumer.ReasonSignature,
		},
		"ClockSkew": {
			set:    func(_ *testing.T, c *cfg) { c.ClockSkew = 5 * time.Minute },
			token:  func(t *bearertest.Token) *bearertest.Token { return t.Set("exp", time.Now().Unix()-60) },
			before: consumer.ReasonExpired, after: good,
		},
		"TokenType": {
			set:    func(_ *testing.T, c *cfg) { c.TokenType = "access" },
			before: good, after: consumer.ReasonType,
		},
		"ClientIDs": {
			set:    func(_ *testing.T, c *cfg) { c.ClientIDs = []string{"other"} },
			before: good, after: consumer.ReasonClaims,
		},
		"RequiredClaims": {
			set:    func(_ *testing.T, c *cfg) { c.RequiredClaims = []string{"tenant"} },
			before: good, after: consumer.ReasonClaims,
		},
		"Check": {
			set:    func(_ *testing.T, c *cfg) { c.Check = func(context.Context, *consumer.Token) error { return errCheck } },
			before: good, after: consumer.ReasonClaims,
		},
		"Status": {
			set:    func(_ *testing.T, c *cfg) { c.Status = &answers{} },
			before: good, after: consumer.ReasonRevoked,
		},
		"MaxTokenBytes": {
			set:    func(_ *testing.T, c *cfg) { c.MaxTokenBytes = len(issuer.AccessToken().Sign()) - 1 },
			before: good, after: consumer.ReasonTooLarge,
		},
		"MaxHeaderBytes": {
			set:    func(_ *testing.T, c *cfg) { c.MaxHeaderBytes = 8 << 10 },
			token:  header("x5c", []string{strings.Repeat("MIIB", 1000)}),
			before: consumer.ReasonTooLarge, after: good,
		},
		"InsecureNoIssuer": {
			set:   func(_ *testing.T, c *cfg) { c.InsecureNoIssuer = true },
			token: claim("iss", bearertest.Absent), before: consumer.ReasonIssuer, after: good,
		},
		"InsecureNoAudience": {set: func(_ *testing.T, c *cfg) {
			c.Audience, c.InsecureNoAudience, c.ClientIDs = nil, true, []string{"client"}
		}, token: claim("aud", bearertest.Absent), before: consumer.ReasonAudience, after: good},
		"InsecureAcceptIDToken": {
			set:   func(_ *testing.T, c *cfg) { c.InsecureAcceptIDToken = true },
			token: claim("nonce", "n"), before: consumer.ReasonType, after: good,
		},
	}
}

func TestConfigFieldsDecide(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for field, s := range settings(issuer) {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			draft := issuer.AccessToken()
			if s.token != nil {
				draft = s.token(draft)
			}
			raw := draft.Sign()
			cfg := offline(t, issuer)
			judge(t, newConsumer(t, cfg), raw, s.before == "", s.before)
			s.set(t, &cfg)
			judge(t, newConsumer(t, cfg), raw, s.after == "", s.after)
		})
	}
}

// No field is without a test. Those elsewhere are in this file, in cache_test.go, discovery_test.go, explain_test.go, grants_test.go, outage_test.go and status_test.go.
func TestConfigFieldsAreAllTested(t *testing.T) {
	t.Parallel()
	elsewhere := map[string]bool{
		"KeyCache": true, "Metadata": true, "MetadataURL": true, "DiscoveryTimeout": true, "HTTPClient": true, "CacheSize": true, "OnVerify": true, "Explain": true, "Logger": true,
		"PublicAddressesOnly": true, "InsecureAllowHTTP": true,
		"StatusTTL": true, "OnStatus": true, "InsecureStatusFailOpen": true, "ScopeClaims": true,
		"vouched":     true, // in claimchecker_test.go
		"needsStatus": true, // in fromenv_internal_test.go
	}
	decide := settings(newIssuer())
	for _, field := range reflect.VisibleFields(reflect.TypeFor[consumer.Config]()) {
		if _, ok := decide[field.Name]; !ok && !elsewhere[field.Name] {
			t.Errorf("Config.%s has no test that shows its effect", field.Name)
		}
	}
}

// What the caller does to his Config afterwards changes no Consumer, and what one Config says no other.
func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	issuer := newIssuer("ES256", "EdDSA")
	cfg := offline(t, issuer)
	cfg.Algorithms, cfg.ClientIDs, cfg.RequiredClaims = []string{"ES256"}, []string{"client"}, []string{"scope"}
	c := newConsumer(t, cfg)
	cfg.Algorithms[0], cfg.ClientIDs[0], cfg.RequiredClaims[0], cfg.Audience[0] = "EdDSA", "other", "tenant", "other"
	accept(t, c, issuer.AccessToken().Set("scope", "a").Sign())
	reject(t, c, issuer.AccessToken().Set("scope", "a").Algorithm("EdDSA").Sign(), consumer.ReasonAlgorithm)
	reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonClaims)

	of := func(profile consumer.Profile, typ string, required ...string) *consumer.Consumer {
		cfg := offline(t, issuer)
		cfg.Profile, cfg.TokenType, cfg.RequiredClaims = profile, typ, required
		return newConsumer(t, cfg)
	}
	refresh, access := of(consumer.ProfileCrossauth, "refresh", "tenant"), of(consumer.ProfileCrossauth, "")
	accept(t, refresh, issuer.AccessToken().Set("type", "refresh").Set("tenant", "t").Sign())
	reject(t, refresh, issuer.AccessToken().Set("type", "access").Set("tenant", "t").Sign(), consumer.ReasonType)
	accept(t, access, issuer.AccessToken().Set("type", "access").Sign())
	reject(t, access, issuer.AccessToken().Set("type", "refresh").Sign(), consumer.ReasonType)
}

// A token without `aud` may be let pass; one that names others may not.
func TestJ8_InsecureNoAudience(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.InsecureNoAudience, cfg.ClientIDs = true, []string{"client"}
	c := newConsumer(t, cfg)
	accept(t, c, issuer.AccessToken().Set("aud", bearertest.Absent).Sign())
	accept(t, c, issuer.AccessToken().Sign())
	for _, aud := range []any{"https://other.test", []string{"https://other.test"}, []string{""}} {
		reject(t, c, issuer.AccessToken().Set("aud", aud).Sign(), consumer.ReasonAudience)
	}
	reject(t, c, issuer.AccessToken().Set("aud", bearertest.Absent).Set("client_id", "x").Sign(), consumer.ReasonClaims)
	cfg.Audience = nil
	reject(t, newConsumer(t, cfg), issuer.AccessToken().Sign(), consumer.ReasonAudience)
}

func TestConfigMetadataReplacesDiscovery(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := online(issuer)
	cfg.Metadata = metadata(issuerURL, issuerURL+"/jwks")
	accept(t, newConsumer(t, cfg), issuer.AccessToken().Sign())
	if asked := issuer.Requests(); asked["/jwks"] != 1 || len(asked) != 1 {
		t.Errorf("requests %v, want only one for the key set", asked)
	}
}

func TestConfigKeyCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		cfg := online(issuer)
		cfg.HTTPClient = n.client()
		refreshed := make(chan jwks.Refresh, 10)
		cfg.KeyCache = jwks.Config{
			StaleFor:  time.Hour,
			OnRefresh: func(_ context.Context, r jwks.Refresh) { refreshed <- r },
		}
		c := newConsumer(t, cfg)
		raw := lasting(issuer).Sign()
		accept(t, c, raw)
		if r := <-refreshed; r.Keys != 1 || r.URL != issuerURL+"/jwks" || r.Err != nil {
			t.Errorf("reported %+v", r)
		}
		n.fail(true)
		time.Sleep(time.Hour)
		reject(t, c, raw, consumer.ReasonKeysUnavailable)
		time.Sleep(time.Minute)
	})
}

// fullDisk is a Snapshot that keeps nothing.
type fullDisk struct{}

var errFull = errors.New("disk is full")

func (fullDisk) Load(context.Context) (jwks.SnapshotData, error) { return jwks.SnapshotData{}, nil }
func (fullDisk) Save(context.Context, jwks.SnapshotData) error   { return errFull }

// http is allowed only on loopback addresses, unless InsecureAllowHTTP is set.
func TestConfigInsecureAllowHTTP(t *testing.T) {
	t.Parallel()
	issuer := newTenant("http://issuer.test")
	cfg := online(issuer)
	if _, err := consumer.New(cfg); err == nil {
		t.Error("http is allowed")
	}
	cfg.InsecureAllowHTTP = true
	accept(t, newConsumer(t, cfg), issuer.AccessToken().Sign())
	loopback := newTenant("http://127.0.0.1:8080")
	accept(t, newConsumer(t, online(loopback)), loopback.AccessToken().Sign())
}

// The Logger gets the faults of the issuer, once for each fetch, and nothing of a token.
func TestConfigLogger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork()
		var log lockedBuffer
		cfg := online(issuer)
		cfg.HTTPClient, cfg.Logger = n.client(), slog.New(slog.NewJSONHandler(&log, nil))
		c := newConsumer(t, cfg)
		raw := issuer.AccessToken().Sign()
		reject(t, c, raw, consumer.ReasonKeysUnavailable)
		synctest.Wait()
		wantLine(t, log.take(), "WARN", "issuer metadata not refreshed")

		n.connect(issuerURL, http.NotFoundHandler())
		time.Sleep(time.Minute)
		reject(t, c, raw, consumer.ReasonKeysUnavailable)
		synctest.Wait()
		wantLine(t, log.take(), "WARN", "issuer metadata not refreshed")

		_, public := issuer.Key("ES256")
		secret := bearertest.JWK("hunter", "HS256", bytes.Repeat([]byte("s"), 32))
		publish(t, issuer, bearertest.JWK("es256-1", "ES256", public), secret)
		n.connect(issuerURL, issuer)
		time.Sleep(time.Minute)
		accept(t, c, raw)
		reject(t, c, issuer.AccessToken().EditSignature(flipped).Sign(), consumer.ReasonSignature)
		synctest.Wait()
		text := log.take()
		wantLine(t, text, "ERROR", "key not used")
		if k, _ := secret["k"].(string); strings.Contains(text, k) || strings.Contains(text, strings.Split(raw, ".")[1]) {
			t.Errorf("the log contains a secret: %s", text)
		}
	})
}

func TestConfigLoggerLogsSnapshotErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		var log lockedBuffer
		cfg := online(issuer)
		cfg.KeyCache.Snapshot, cfg.Logger = fullDisk{}, slog.New(slog.NewJSONHandler(&log, nil))
		accept(t, newConsumer(t, cfg), issuer.AccessToken().Sign())
		synctest.Wait()
		wantLine(t, log.take(), "WARN", "keys not saved")
	})
}

// wantLine wants one line of this level, message and the issuer.
func wantLine(t *testing.T, text, level, message string) {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Errorf("log %q: %v", text, err)
	}
	if line["level"] != level || line["msg"] != message || line["issuer"] != issuerURL {
		t.Errorf("log %v, want %s %q", line, level, message)
	}
}
