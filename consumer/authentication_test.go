package consumer_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// bothWays returns the same claims as a verified JWT and as a Token of NewToken, which introspection uses.
func bothWays(t *testing.T, issuer *bearertest.Issuer, claims map[string]any) map[string]*consumer.Token {
	t.Helper()
	draft := issuer.AccessToken()
	for name, value := range claims {
		draft.Set(name, value)
	}
	response, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	introspected, err := consumer.NewToken(issuer.URL(), response)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*consumer.Token{
		"JWT": accept(t, newConsumer(t, offline(t, issuer)), draft.Sign()), "introspection": introspected,
	}
}

// U2: acr, amr and auth_time are read from a JWT and from an introspection response alike.
func TestU2_SignInOfTheUser(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	type object = map[string]any
	at := func(seconds int64, nanoseconds int64) time.Time { return time.Unix(seconds, nanoseconds) }
	for name, test := range map[string]struct {
		claims object
		acr    string
		amr    []string
		time   time.Time
	}{
		"all":                 {object{"acr": "gold", "amr": []string{"pwd", "otp"}, "auth_time": 1_700_000_000}, "gold", []string{"pwd", "otp"}, at(1_700_000_000, 0)},
		"absent":              {claims: object{}},
		"null":                {claims: object{"acr": nil, "amr": nil, "auth_time": nil}},
		"empty":               {claims: object{"acr": "", "amr": []string{}, "auth_time": 0}, time: at(0, 0)},
		"one method":          {claims: object{"amr": "pwd"}, amr: []string{"pwd"}},
		"no method":           {claims: object{"amr": ""}},
		"fraction":            {claims: object{"auth_time": 1_700_000_000.5}, time: at(1_700_000_000, 500_000_000)},
		"before 1970":         {claims: object{"auth_time": -1}, time: at(-1, 0)},
		"text":                {claims: object{"auth_time": "1700000000", "amr": 1}},
		"other types":         {claims: object{"acr": []string{"gold"}, "amr": []any{"pwd", 1}, "auth_time": []int{1}}},
		"booleans":            {claims: object{"acr": true, "amr": true, "auth_time": true}},
		"after the year 9999": {claims: object{"auth_time": int64(253402300800)}},
		"before the year 1":   {claims: object{"auth_time": int64(-62135596801)}},
		"overflow":            {claims: object{"auth_time": json.RawMessage("1e300")}},
		"other names":         {claims: object{"ACR_": "gold", "authTime": 1_700_000_000, "acr_values": "gold"}},
		"escaped":             {claims: object{"acr": json.RawMessage(`"g\u006fld"`)}, acr: "gold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, token := range bothWays(t, issuer, test.claims) {
				if token.ACR() != test.acr || !token.AuthTime().Equal(test.time) {
					t.Errorf("%s: acr %q, auth_time %v, want %q, %v", kind, token.ACR(), token.AuthTime(), test.acr, test.time)
				}
				if diff := cmp.Diff(test.amr, token.AMR(), cmpEmpty); diff != "" {
					t.Errorf("%s: AMR (-want +got):\n%s", kind, diff)
				}
				if test.time.IsZero() && token.AuthenticatedWithin(1<<62) {
					t.Errorf("%s: AuthenticatedWithin is true without auth_time", kind)
				}
			}
		})
	}
}

// cmpEmpty treats nil and empty slices alike.
var cmpEmpty = cmp.Comparer(func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) })

// U3: the age of the sign-in is compared to the nanosecond. The clock skew of the Consumer counts in both directions.
func TestU3_AgeOfTheSignIn(t *testing.T) {
	t.Parallel()
	for configured, skew := range skews {
		synctest.Test(t, func(t *testing.T) {
			issuer := newIssuer()
			cfg := offline(t, issuer)
			cfg.ClockSkew = configured
			token := accept(t, newConsumer(t, cfg), issuer.AccessToken().Set("auth_time", time.Now().Unix()+600).Sign())
			checkAges(t, token, skew)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		token := bothWays(t, newIssuer(), map[string]any{"auth_time": time.Now().Unix() + 600})["introspection"]
		checkAges(t, token, 10*time.Second)
	})
}

// checkAges sleeps until moments before and after the sign-in of token.
func checkAges(t *testing.T, token *consumer.Token, skew time.Duration) {
	t.Helper()
	for _, test := range []struct {
		after  time.Duration // since the sign-in; not less than that of the row before
		maxAge time.Duration
		want   bool
	}{
		{-skew - 1, time.Hour, false}, // in the future
		{-skew, time.Hour, true},
		{-skew, 0, true},
		{skew, 0, true},
		{skew, -time.Hour, true},
		{skew + 1, 0, false},
		{time.Minute + skew, time.Minute, true},
		{time.Minute + skew + 1, time.Minute, false},
		{time.Minute + skew + 1, 1<<63 - 1, true},
	} {
		time.Sleep(time.Until(token.AuthTime().Add(test.after)))
		if age := time.Since(token.AuthTime()); age != test.after {
			t.Fatalf("the age is %v, want %v", age, test.after)
		}
		if got := token.AuthenticatedWithin(test.maxAge); got != test.want {
			t.Errorf("skew %v: %v after the sign-in, AuthenticatedWithin(%v) is %v", skew, test.after, test.maxAge, got)
		}
	}
}

// U3: a wall clock that is set back makes no sign-in look more recent. One that is set forward makes it look older.
func TestU3_WallClockChanges(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		token := bothWays(t, issuer, map[string]any{"auth_time": time.Now().Unix()})["JWT"]
		time.Sleep(2 * time.Minute)
		clock.ShiftWall(t, -2*time.Minute)
		if token.AuthenticatedWithin(time.Minute) {
			t.Error("a sign-in of two minutes ago counts as recent after the clock was set back")
		}
		if !token.AuthenticatedWithin(2 * time.Minute) {
			t.Error("a sign-in of two minutes ago does not count after the clock was set back")
		}
		clock.ShiftWall(t, time.Hour)
		if token.AuthenticatedWithin(30 * time.Minute) {
			t.Error("a sign-in counts as recent after the machine slept for an hour")
		}
	})
}

func TestU3_AgeOfTheSignInAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations are counted
	token := bothWays(t, newIssuer(), map[string]any{"auth_time": time.Now().Unix(), "acr": "gold"})["JWT"]
	if n := testing.AllocsPerRun(100, func() {
		if !token.AuthenticatedWithin(time.Minute) || token.ACR() != "gold" {
			t.Error("not recent")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestX3_Actor(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	type object = map[string]any
	nested := func(levels int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"act":`, levels-1) + `{"sub":"first"}` + strings.Repeat("}", levels-1))
	}
	prior := make([]consumer.Actor, 14)
	prior[13].Subject = "first"
	for name, test := range map[string]struct {
		act      any
		want     *consumer.Actor // nil: nobody acts for the subject
		rejected consumer.Reason
	}{
		"absent":                {act: bearertest.Absent},
		"null":                  {act: nil},
		"subject":               {act: object{"sub": "service"}, want: &consumer.Actor{Subject: "service"}},
		"all":                   {act: object{"sub": "s", "iss": "i", "client_id": "c"}, want: &consumer.Actor{Subject: "s", Issuer: "i", ClientID: "c"}},
		"other members":         {act: object{"email": "a@b.test", "exp": 1}, want: &consumer.Actor{}},
		"no members":            {act: object{}, want: &consumer.Actor{}},
		"members that are null": {act: object{"sub": nil, "act": nil}, want: &consumer.Actor{}},
		"prior actors": {
			act:  object{"sub": "now", "act": object{"sub": "before", "iss": "i", "act": object{"client_id": "first"}}},
			want: &consumer.Actor{Subject: "now", Prior: []consumer.Actor{{Subject: "before", Issuer: "i"}, {ClientID: "first"}}},
		},
		"15 actors":            {act: nested(15), want: &consumer.Actor{Prior: prior}},
		"16 actors":            {act: nested(16), rejected: consumer.ReasonMalformed},
		"1000 actors":          {act: nested(1000), rejected: consumer.ReasonMalformed},
		"text":                 {act: "service", rejected: consumer.ReasonClaims},
		"empty text":           {act: "", rejected: consumer.ReasonClaims},
		"array":                {act: []any{object{"sub": "service"}}, rejected: consumer.ReasonClaims},
		"boolean":              {act: false, rejected: consumer.ReasonClaims},
		"number":               {act: 0, rejected: consumer.ReasonClaims},
		"subject is a number":  {act: object{"sub": 7}, rejected: consumer.ReasonClaims},
		"issuer is an array":   {act: object{"iss": []string{"i"}}, rejected: consumer.ReasonClaims},
		"client is an object":  {act: object{"client_id": object{}}, rejected: consumer.ReasonClaims},
		"prior actor is text":  {act: object{"sub": "s", "act": "t"}, rejected: consumer.ReasonClaims},
		"prior sub is boolean": {act: object{"sub": "s", "act": object{"sub": true}}, rejected: consumer.ReasonClaims},
		"names differ in case": {act: json.RawMessage(`{"sub":"a","SUB":"b"}`), rejected: consumer.ReasonMalformed},
		"repeated name":        {act: json.RawMessage(`{"sub":"a","sub":"b"}`), rejected: consumer.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// may_act is not an actor.
			raw := issuer.AccessToken().Set("act", test.act).Set("may_act", object{"sub": "someone"}).Sign()
			c := newConsumer(t, offline(t, issuer))
			if test.rejected != "" {
				reject(t, c, raw, test.rejected)
				return
			}
			token := accept(t, c, raw)
			actor, ok := token.Actor()
			if ok != (test.want != nil) {
				t.Fatalf("Actor returns %+v, %v", actor, ok)
			}
			if ok {
				if diff := cmp.Diff(*test.want, actor); diff != "" {
					t.Errorf("Actor (-want +got):\n%s", diff)
				}
			}
			if token.Principal() != consumer.PrincipalUser || token.Subject() != "alice" {
				t.Errorf("subject %q, principal %v: the actor changes who the subject is", token.Subject(), token.Principal())
			}
			if len(actor.Prior) > 0 {
				actor.Prior[0].Subject = "changed"
				if again, _ := token.Actor(); again.Prior[0].Subject == "changed" {
					t.Error("Actor does not return a copy")
				}
			}
		})
	}
}

// X3: an actor of an introspected token counts too, and a malformed one is rejected there too.
func TestX3_ActorOfAnIntrospectedToken(t *testing.T) {
	t.Parallel()
	token, err := consumer.NewToken(issuerURL, json.RawMessage(`{"sub":"alice","act":{"sub":"service"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if actor, ok := token.Actor(); !ok || actor.Subject != "service" {
		t.Errorf("Actor returns %+v, %v", actor, ok)
	}
	token, err = consumer.NewToken(issuerURL, json.RawMessage(`{"sub":"alice","act":"service"}`))
	wantError(t, token, err, "", consumer.ReasonClaims)
}

// X3: the kind of the principal is explicit: it has a name, and is in what a token logs.
func TestX3_PrincipalIsLogged(t *testing.T) {
	t.Parallel()
	for claims, want := range map[string]string{
		`{"sub":"alice","client_id":"app"}`:               "user",
		`{"sub":"app","client_id":"app"}`:                 "client",
		`{"client_id":"app"}`:                             "client",
		`{"sub":"app@clients","client_id":"app"}`:         "client",
		`{"sub":"alice","client_id":"app","idtyp":"app"}`: "client",
	} {
		token, err := consumer.NewToken(issuerURL, json.RawMessage(claims))
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("", slog.Any("token", token))
		printed := fmt.Sprint(token)
		if token.Principal().String() != want || !strings.Contains(log.String(), "token.principal="+want) ||
			!strings.Contains(printed, "principal "+want) {
			t.Errorf("%s: principal %v, log %s, printed %s", claims, token.Principal(), log.String(), printed)
		}
		if strings.Contains(log.String()+printed, "alice") {
			t.Errorf("the subject is logged: %s %s", log.String(), printed)
		}
	}
}
