package client_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

func TestC17_StepUp(t *testing.T) {
	t.Parallel()
	before := client.AuthorizationOptions{ACRValues: []string{"pwd"}, MaxAge: time.Hour, ReturnTo: "/"}
	for name, test := range map[string]struct {
		header []string
		acr    []string
		age    time.Duration
		ok     bool
	}{
		"both":            {[]string{`Bearer error="insufficient_user_authentication", acr_values="mfa hwk", max_age="60"`}, []string{"mfa", "hwk"}, time.Minute, true},
		"bound, second":   {[]string{`Basic realm="x"`, `DPoP algs="ES256", error="insufficient_user_authentication", acr_values=mfa`}, []string{"mfa"}, time.Hour, true},
		"age as a token":  {[]string{`Bearer error="insufficient_user_authentication", max_age=5`}, []string{"pwd"}, 5 * time.Second, true},
		"now":             {[]string{`Bearer error="insufficient_user_authentication", max_age=0`}, []string{"pwd"}, time.Second, true},
		"longer than so":  {[]string{`Bearer error="insufficient_user_authentication", max_age=7200`}, []string{"pwd"}, time.Hour, true},
		"nothing named":   {[]string{`Bearer error="insufficient_user_authentication"`}, []string{"pwd"}, time.Hour, true},
		"another error":   {[]string{`Bearer error="invalid_token", acr_values="mfa"`}, []string{"pwd"}, time.Hour, false},
		"no number":       {[]string{`Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="-1"`}, []string{"pwd"}, time.Hour, false},
		"68 years":        {[]string{`Bearer error="insufficient_user_authentication", max_age="2147483647"`}, []string{"pwd"}, time.Hour, true},
		"longer":          {[]string{`Bearer error="insufficient_user_authentication", max_age="2147483648"`}, []string{"pwd"}, time.Hour, false},
		"too much":        {[]string{`Bearer error="insufficient_user_authentication", max_age="99999999999"`}, []string{"pwd"}, time.Hour, false},
		"cannot be read":  {[]string{`Bearer error="insufficient_user_authentication`}, []string{"pwd"}, time.Hour, false},
		"nothing at all":  {nil, []string{"pwd"}, time.Hour, false},
		"it is ambiguous": {[]string{`Bearer error="insufficient_user_authentication", max_age=1, max_age=2`}, []string{"pwd"}, time.Hour, false},
	} {
		got, ok := before.StepUp(http.Header{"Www-Authenticate": test.header})
		if ok != test.ok {
			t.Errorf("%s: %v", name, ok)
		}
		if diff := cmp.Diff(client.AuthorizationOptions{ACRValues: test.acr, MaxAge: test.age, ReturnTo: "/"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
