package weblogin

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

func TestIsDeclined(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"the registered code":        {&client.Error{Code: "access_denied"}, true},
		"from the token endpoint":    {&client.Error{Code: "access_denied", Status: 403}, true},
		"Apple":                      {&client.Error{Code: "user_cancelled_authorize"}, true},
		"LinkedIn":                   {fmt.Errorf("callback: %w", &client.Error{Code: "user_cancelled_login"}), true},
		"another spelling":           {&client.Error{Code: "login_canceled"}, true},
		"not through the browser":    {&client.Error{Code: "subscription_cancelled", Status: 400}, false},
		"a fault of the application": {&client.Error{Code: "unauthorized_scope_error"}, false},
		"unavailable":                {&client.Error{Code: "server_error"}, false},
		"no response":                {errors.New("user_cancelled_authorize"), false},
		"nil":                        {nil, false},
	} {
		if got := isDeclined(test.err); got != test.want {
			t.Errorf("%s: isDeclined(%v) = %t, want %t", name, test.err, got, test.want)
		}
	}
}
