package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func claimChecker(t *testing.T, edit func(*consumer.Config)) *consumer.ClaimChecker {
	t.Helper()
	cfg := consumer.Config{Issuer: issuerURL, Audience: []string{audience}}
	if edit != nil {
		edit(&cfg)
	}
	checker, err := consumer.NewClaimChecker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return checker
}

func TestClaimCheckerChecksTheClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		for name, c := range map[string]struct {
			claims string
			edit   func(*consumer.Config)
			want   consumer.Reason // empty: accepted
		}{
			"everything is there":       {claims: fmt.Sprintf(`{"iss":%q,"aud":[%q,"x"],"exp":%d,"sub":"alice"}`, issuerURL, audience, now+9)},
			"neither iss nor exp":       {claims: fmt.Sprintf(`{"aud":%q}`, audience)},
			"another issuer":            {claims: fmt.Sprintf(`{"iss":"https://other.test","aud":%q}`, audience), want: consumer.ReasonIssuer},
			"iss is null":               {claims: fmt.Sprintf(`{"iss":null,"aud":%q}`, audience), want: consumer.ReasonIssuer},
			"no aud":                    {claims: `{}`, want: consumer.ReasonAudience},
			"another aud":               {claims: `{"aud":"https://other.test"}`, want: consumer.ReasonAudience},
			"no aud, allowed":           {claims: `{}`, edit: func(cfg *consumer.Config) { cfg.InsecureNoAudience = true }},
			"another aud, none allowed": {claims: `{"aud":"x"}`, edit: func(cfg *consumer.Config) { cfg.InsecureNoAudience = true }, want: consumer.ReasonAudience},
			"expired":                   {claims: fmt.Sprintf(`{"aud":%q,"exp":%d}`, audience, now-10), want: consumer.ReasonExpired},
			"expired within the skew":   {claims: fmt.Sprintf(`{"aud":%q,"exp":%d}`, audience, now-9)},
			"exp is null":               {claims: fmt.Sprintf(`{"aud":%q,"exp":null}`, audience), want: consumer.ReasonClaims},
			"exp is 0":                  {claims: fmt.Sprintf(`{"aud":%q,"exp":0}`, audience), want: consumer.ReasonClaims},
			"not yet valid":             {claims: fmt.Sprintf(`{"aud":%q,"nbf":%d}`, audience, now+11), want: consumer.ReasonNotYetValid},
			"issued in the future":      {claims: fmt.Sprintf(`{"aud":%q,"iat":%d}`, audience, now+11), want: consumer.ReasonIssuedInFuture},
			"an ID token":               {claims: fmt.Sprintf(`{"aud":%q,"at_hash":"x"}`, audience), want: consumer.ReasonType},
			"a refresh token":           {claims: fmt.Sprintf(`{"aud":%q,"token_use":"refresh_token"}`, audience), want: consumer.ReasonType},
			"an introspection response": {claims: fmt.Sprintf(`{"aud":%q,"token_introspection":{}}`, audience), want: consumer.ReasonType},
			"twice the same name":       {claims: fmt.Sprintf(`{"aud":%q,"aud":%q}`, audience, audience), want: consumer.ReasonMalformed},
			"names differ only in case": {claims: fmt.Sprintf(`{"aud":%q,"Sub":"a","sub":"b"}`, audience), want: consumer.ReasonMalformed},
			"not an object":             {claims: `[]`, want: consumer.ReasonMalformed},
			"another client":            {claims: fmt.Sprintf(`{"aud":%q,"client_id":"b"}`, audience), edit: func(cfg *consumer.Config) { cfg.ClientIDs = []string{"a"} }, want: consumer.ReasonClaims},
			"a claim is missing":        {claims: fmt.Sprintf(`{"aud":%q}`, audience), edit: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"sub"} }, want: consumer.ReasonClaims},
		} {
			token, err := claimChecker(t, c.edit).Check(t.Context(), json.RawMessage(c.claims))
			if got := reasonOf(err); got != c.want {
				t.Errorf("%s: reason %q, want %q (%v)", name, got, c.want, err)
			}
			if (token == nil) == (err == nil) {
				t.Errorf("%s: token %v with error %v", name, token, err)
			}
			if err == nil && (token.Issuer() != issuerURL || !token.VerifiedAt().Equal(time.Now())) {
				t.Errorf("%s: issuer %q, verified at %v", name, token.Issuer(), token.VerifiedAt())
			}
		}
	})
}

// reasonOf returns the Reason of err, or "" if err is nil.
func reasonOf(err error) consumer.Reason {
	e, _ := errors.AsType[*consumer.Error](err)
	if e == nil {
		return ""
	}
	return e.Reason
}

func TestX3_ClaimCheckerDistinguishesUsersFromClients(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims string
		want   consumer.Principal
	}{
		"subject":               {`"sub":"alice","client_id":"c"`, consumer.PrincipalUser},
		"subject is the client": {`"sub":"c","client_id":"c"`, consumer.PrincipalClient},
		"neither":               {`"client_id":"c"`, consumer.PrincipalClient},
		"only a user name":      {`"username":"alice","client_id":"c"`, consumer.PrincipalUser},
		"an empty user name":    {`"username":"","client_id":"c"`, consumer.PrincipalClient},
		"the client's own name": {`"username":"c","client_id":"c"`, consumer.PrincipalClient},
		"name is not a string":  {`"username":["alice"],"client_id":"c"`, consumer.PrincipalClient},
	} {
		token, err := claimChecker(t, nil).Check(t.Context(), json.RawMessage(`{"aud":"`+audience+`",`+c.claims+`}`))
		if err != nil || token.Principal() != c.want {
			t.Errorf("%s: principal %v, error %v", name, token.Principal(), err)
		}
	}
}

func TestClaimCheckerRechecksTimeAndStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		active := true
		checker := claimChecker(t, func(cfg *consumer.Config) {
			cfg.Status = statusFunc(func() bool { return active })
		})
		claims := fmt.Sprintf(`{"aud":%q,"exp":%d}`, audience, time.Now().Add(time.Minute).Unix())
		token, err := checker.Check(t.Context(), json.RawMessage(claims))
		if err != nil {
			t.Fatal(err)
		}
		if err := checker.Recheck(t.Context(), token); err != nil {
			t.Error(err)
		}
		active = false
		if got := reasonOf(checker.Recheck(t.Context(), token)); got != consumer.ReasonRevoked {
			t.Errorf("revoked: reason %q", got)
		}
		active = true
		time.Sleep(time.Minute + 10*time.Second)
		if got := reasonOf(checker.Recheck(t.Context(), token)); got != consumer.ReasonExpired {
			t.Errorf("expired: reason %q", got)
		}
		other, _ := claimChecker(t, nil).Check(t.Context(), json.RawMessage(fmt.Sprintf(`{"aud":%q}`, audience)))
		for name, foreign := range map[string]*consumer.Token{"nil": nil, "zero": new(consumer.Token), "of another": other} {
			if got := reasonOf(checker.Recheck(t.Context(), foreign)); got != consumer.ReasonInternal {
				t.Errorf("%s: reason %q", name, got)
			}
		}
	})
}

func TestNewClaimCheckerReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := consumer.NewClaimChecker(consumer.Config{ClockSkew: time.Hour, Profile: consumer.ProfileSPIFFE})
	for _, want := range []string{"Config.Issuer", "Config.Audience", "Config.ClockSkew", "Config.Profile"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	for field, edit := range map[string]func(*consumer.Config){
		"Keys":          func(cfg *consumer.Config) { cfg.Keys = jwks.Static{} },
		"HTTPClient":    func(cfg *consumer.Config) { cfg.HTTPClient = new(http.Client) },
		"CacheSize":     func(cfg *consumer.Config) { cfg.CacheSize = 1 },
		"MaxTokenBytes": func(cfg *consumer.Config) { cfg.MaxTokenBytes = 1 },
		"AudienceFunc": func(cfg *consumer.Config) {
			cfg.Audience, cfg.AudienceFunc = nil, func(context.Context) []string { return nil }
		},
		"InsecureAcceptIDToken": func(cfg *consumer.Config) { cfg.InsecureAcceptIDToken = true },
	} {
		cfg := consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Logger: slog.New(slog.DiscardHandler)}
		edit(&cfg)
		if _, err := consumer.NewClaimChecker(cfg); err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s: error %v", field, err)
		}
	}
}

func TestNewErrorMayBeLogged(t *testing.T) {
	t.Parallel()
	cause := errors.New("secret")
	err := consumer.NewError(consumer.ReasonIntrospectionUnavailable, issuerURL, "status 500", cause)
	if err.LogDetail() != "status 500" || !errors.Is(err, consumer.ErrUnavailable) || !errors.Is(err, cause) || err.Issuer != issuerURL {
		t.Errorf("detail %q, error %v", err.LogDetail(), err)
	}
}
