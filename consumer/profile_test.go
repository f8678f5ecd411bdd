package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// recording has tokens in the form of a provider, with invented names, and the expected results.
type recording struct {
	Profile               string                   `json:"profile"`
	Audience              []string                 `json:"audience"`
	ClientIDs             []string                 `json:"client_ids"`
	InsecureNoAudience    bool                     `json:"insecure_no_audience"`
	InsecureAcceptIDToken bool                     `json:"insecure_accept_id_token"`
	RFC9068               consumer.Reason          `json:"rfc9068"`          // what ProfileRFC9068 says; empty: accepted
	RFC9068WithTyp        consumer.Reason          `json:"rfc9068_with_typ"` // and if `typ` were at+jwt
	Client                string                   `json:"client"`
	Scopes                []string                 `json:"scopes"`
	Principal             string                   `json:"principal"`
	AccessToken           recordedToken            `json:"access_token"`
	Others                map[string]recordedToken `json:"others"` // not access tokens for this API
}

type recordedToken struct {
	Header  map[string]any  `json:"header"`
	Claims  map[string]any  `json:"claims"`
	Raw     string          `json:"raw"` // in place of header and claims
	Refused consumer.Reason `json:"refused"`
}

func recordings(t *testing.T) map[string]recording {
	t.Helper()
	files, err := filepath.Glob("testdata/profiles/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	all := make(map[string]recording)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		var r recording
		if err := decoder.Decode(&r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = r
	}
	return all
}

// profiles returns all profiles by name.
func profiles() map[string]consumer.Profile {
	all := make(map[string]consumer.Profile)
	for _, p := range []consumer.Profile{
		consumer.ProfileDefault, consumer.ProfileRFC9068, consumer.ProfileCrossauth, consumer.ProfileAuth0,
		consumer.ProfileOkta, consumer.ProfileEntraV1, consumer.ProfileEntraV2, consumer.ProfileCognito,
		consumer.ProfileKeycloak, consumer.ProfileGoogle, consumer.ProfileDex, consumer.ProfileSpringAS,
		consumer.ProfileSupabase, consumer.ProfileFirebase, consumer.ProfileClerk, consumer.ProfileWorkOS,
		consumer.ProfileLogto, consumer.ProfileFusionAuth, consumer.ProfilePingOne, consumer.ProfileAzureADB2C,
		consumer.ProfileAuthentik, consumer.ProfileAuthelia, consumer.ProfileCasdoor, consumer.ProfileDuende,
		consumer.ProfileOry, consumer.ProfileADFS, consumer.ProfileKubernetes, consumer.ProfileGitHubActions,
		consumer.ProfileGitLabCI, consumer.ProfileCloudflareAccess, consumer.ProfileGoogleIAP, consumer.ProfileSPIFFE,
		consumer.ProfileAWSALB,
	} {
		all[p.String()] = p
	}
	return all
}

// at moves the bubble's clock to a minute after the recording.
func (r recording) at() {
	issued, _ := r.AccessToken.Claims["iat"].(float64)
	time.Sleep(time.Until(time.Unix(int64(issued), 0).Add(time.Minute)))
}

func (r recording) issuer() string {
	issuer, _ := r.AccessToken.Claims["iss"].(string)
	return issuer
}

// config has the key of the recording's issuer, as a key set without `alg` would give it.
func (r recording) config(issuer *bearertest.Issuer) consumer.Config {
	_, public := issuer.Key("RS256")
	kid, _ := r.AccessToken.Header["kid"].(string)
	return consumer.Config{
		Issuer: r.issuer(), Audience: r.Audience, Profile: profiles()[r.Profile], ClientIDs: r.ClientIDs,
		InsecureNoAudience: r.InsecureNoAudience, InsecureAcceptIDToken: r.InsecureAcceptIDToken,
		Keys: jwks.Static{{ID: kid, Public: public}},
	}
}

// strict is the same issuer under ProfileRFC9068, with nothing relaxed.
func (r recording) strict(issuer *bearertest.Issuer) consumer.Config {
	cfg := r.config(issuer)
	cfg.Profile, cfg.InsecureNoAudience, cfg.InsecureAcceptIDToken = consumer.ProfileRFC9068, false, false
	if len(cfg.Audience) == 0 {
		cfg.Audience = []string{audience}
	}
	return cfg
}

// draft signs as the recording says it was signed.
func (r recordedToken) draft(issuer *bearertest.Issuer) *bearertest.Token {
	token := issuer.Token("", r.Claims).Algorithm("RS256")
	for name, value := range r.Header {
		token.SetHeader(name, value)
	}
	return token
}

// theProvider has the one RSA key that all recordings are signed with.
func theProvider() *bearertest.Issuer { return theArena().issuer }

func TestP1_P8_ProfilesOnRecordedTokens(t *testing.T) {
	t.Parallel()
	issuer := theProvider()
	for name, r := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, known := profiles()[r.Profile]; !known {
				t.Fatalf("no profile %q", r.Profile)
			}
			synctest.Test(t, func(t *testing.T) {
				r.at()
				token := accept(t, newConsumer(t, r.config(issuer)), r.AccessToken.draft(issuer).Sign())
				principal := map[consumer.Principal]string{consumer.PrincipalUser: "user", consumer.PrincipalClient: "client"}
				got := []any{token.ClientID(), token.Scopes(), principal[token.Principal()], token.Issuer()}
				want := []any{r.Client, r.Scopes, r.Principal, r.issuer()}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}

				strict := newConsumer(t, r.strict(issuer))
				judge(t, strict, r.AccessToken.draft(issuer).Sign(), r.RFC9068 == "", r.RFC9068)
				typed := r.AccessToken.draft(issuer).SetHeader("typ", "at+jwt").Sign()
				judge(t, strict, typed, r.RFC9068WithTyp == "", r.RFC9068WithTyp)
			})
		})
	}
}

// Other tokens of the provider are rejected, even if they name this API.
func TestJ11_Attack24_ProfilesRejectOtherTokens(t *testing.T) {
	t.Parallel()
	issuer := theProvider()
	for name, r := range recordings(t) {
		for kind, other := range r.Others {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r.at()
					c := newConsumer(t, r.config(issuer))
					if other.Raw != "" {
						reject(t, c, other.Raw, other.Refused)
						return
					}
					reject(t, c, other.draft(issuer).Sign(), other.Refused)
					if r.InsecureAcceptIDToken || r.InsecureNoAudience || other.Refused == "audience" && !isMarked(other) {
						return // only its audience distinguishes it
					}
					redirected := other.draft(issuer).Set("aud", r.Audience).Sign()
					if token, err := c.Verify(t.Context(), redirected); !errors.Is(err, consumer.ErrInvalidToken) || token != nil {
						t.Errorf("accepted with this API's audience: %v", err)
					}
				})
			})
		}
	}
}

// isMarked reports whether the claims say what kind of token it is.
func isMarked(r recordedToken) bool {
	for _, name := range []string{"typ", "type"} {
		if kind, _ := r.Claims[name].(string); kind != "" && kind != "Bearer" && kind != "access" && kind != "app" {
			return true
		}
	}
	return false
}

// The relaxations of a profile are its own: its tokens are rejected by the profile of RFC 9068, and it rejects tokens
// without the marks that its provider has.
func TestProfilesRequireTheirClaims(t *testing.T) {
	t.Parallel()
	issuer := theProvider()
	all := recordings(t)
	for _, test := range []struct {
		recording, claim string
		value            any
		want             consumer.Reason
	}{
		{"auth0", "azp", bearertest.Absent, consumer.ReasonClaims},
		{"okta", "cid", bearertest.Absent, consumer.ReasonClaims},
		{"okta", "jti", bearertest.Absent, consumer.ReasonClaims},
		{"entra-v1", "appid", bearertest.Absent, consumer.ReasonClaims},
		{"entra-v1", "ver", bearertest.Absent, consumer.ReasonType},
		{"entra-v1", "ver", 1.0, consumer.ReasonType},
		{"entra-v2", "azp", bearertest.Absent, consumer.ReasonClaims},
		{"entra-v2", "ver", "1.0", consumer.ReasonType},
		{"cognito", "token_use", bearertest.Absent, consumer.ReasonType},
		{"cognito", "token_use", "Access", consumer.ReasonType},
		{"cognito", "client_id", bearertest.Absent, consumer.ReasonClaims},
		{"keycloak", "typ", bearertest.Absent, consumer.ReasonType},
		{"keycloak", "typ", "bearer", consumer.ReasonType},
		{"keycloak", "azp", bearertest.Absent, consumer.ReasonClaims},
		{"google", "azp", bearertest.Absent, consumer.ReasonClaims},
		{"dex", "aud", []string{"orders-api", "web"}, consumer.ReasonClaims},
		{"spring-as", "nbf", bearertest.Absent, consumer.ReasonClaims},
		{"spring-as", "aud", []string{"web", "other"}, consumer.ReasonClaims},
		{"crossauth", "type", bearertest.Absent, consumer.ReasonType},
		{"crossauth", "type", "Access", consumer.ReasonType},
		{"crossauth", "jti", bearertest.Absent, consumer.ReasonClaims},
		{"auth0-rfc9068", "client_id", bearertest.Absent, consumer.ReasonClaims},
		{"auth0", "sub", bearertest.Absent, consumer.ReasonClaims},
		{"auth0", "iat", bearertest.Absent, consumer.ReasonClaims},
	} {
		t.Run(test.recording+"_"+test.claim, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := all[test.recording]
				r.at()
				c := newConsumer(t, r.config(issuer))
				reject(t, c, r.AccessToken.draft(issuer).Set(test.claim, test.value).Sign(), test.want)
				reject(t, c, r.AccessToken.draft(issuer).SetHeader("typ", "logout+jwt").Sign(), consumer.ReasonType)
			})
		})
	}
}

// ProfileRFC9068 demands all of RFC 9068 §2.2.
func TestP8_P4_P6_RFC9068RequiredClaims(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.Profile = consumer.ProfileRFC9068
	c := newConsumer(t, cfg)
	accept(t, c, issuer.AccessToken().Sign())
	for name, want := range map[string]consumer.Reason{
		"iss": consumer.ReasonIssuer, "exp": consumer.ReasonClaims, "aud": consumer.ReasonAudience,
		"sub": consumer.ReasonClaims, "client_id": consumer.ReasonClaims, "iat": consumer.ReasonClaims,
		"jti": consumer.ReasonClaims,
	} {
		reject(t, c, issuer.AccessToken().Set(name, bearertest.Absent).Sign(), want)
		if name != "iss" && name != "aud" {
			reject(t, c, issuer.AccessToken().Set(name, "").Sign(), consumer.ReasonClaims)
			reject(t, c, issuer.AccessToken().Set(name, nil).Sign(), consumer.ReasonClaims)
		}
	}
	for _, substitute := range []string{"azp", "cid", "appid", "Client_id"} {
		reject(t, c, issuer.AccessToken().Set("client_id", bearertest.Absent).Set(substitute, "client").Sign(),
			consumer.ReasonClaims)
	}
}

func TestProfileNames(t *testing.T) {
	t.Parallel()
	all := profiles()
	if len(all) != 33 {
		t.Errorf("two profiles have the same name: %v", all)
	}
	for _, r := range recordings(t) {
		delete(all, r.Profile)
	}
	delete(all, consumer.ProfileRFC9068.String()) // every recording is checked with it
	delete(all, consumer.ProfileSPIFFE.String())  // has tests of its own, because its tokens need no iss
	delete(all, consumer.ProfileAWSALB.String())  // has tests of its own, because its tokens are padded
	if len(all) != 0 {
		t.Errorf("without a recording: %v", all)
	}
}

// Each Entra tenant is an issuer of its own; which tenants are customers is for Resolve to say.
func TestJ7_EntraTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := theProvider()
		r := recordings(t)["entra-v2"]
		r.at()
		const prefix, suffix = "https://login.microsoftonline.com/", "/v2.0"
		customers := map[string]bool{
			"00000000-0000-0000-0000-000000000001": true, "00000000-0000-0000-0000-000000000002": true,
		}
		g := newGroup(t, consumer.GroupConfig{
			Resolve: func(_ context.Context, issuerURL string) (*consumer.Consumer, error) {
				tenant := strings.TrimSuffix(strings.TrimPrefix(issuerURL, prefix), suffix)
				if !customers[tenant] || issuerURL != prefix+tenant+suffix {
					return nil, errUnknownTenant
				}
				cfg := r.config(issuer)
				cfg.Issuer = issuerURL
				return consumer.New(cfg)
			},
		})
		for tenant, want := range map[string]consumer.Reason{
			"00000000-0000-0000-0000-000000000001": "", "00000000-0000-0000-0000-000000000002": "",
			"00000000-0000-0000-0000-000000000003": consumer.ReasonIssuer, "{tenantid}": consumer.ReasonIssuer,
			"common": consumer.ReasonIssuer, "00000000-0000-0000-0000-000000000001/": consumer.ReasonIssuer,
		} {
			claims := maps.Clone(r.AccessToken.Claims)
			claims["iss"], claims["tid"] = prefix+tenant+suffix, tenant
			token := recordedToken{Header: r.AccessToken.Header, Claims: claims}.draft(issuer)
			judge(t, g, token.Sign(), want == "", want)
		}
	})
}
