package flow_test

import (
	"fmt"

	"github.com/bearerkit/bearerkit/client/flow"
)

func ExampleParse() {
	for _, text := range []string{"deviceCode", "device_code", "implicit"} {
		f, err := flow.Parse(text)
		fmt.Println(f, f.GrantTypes(), err)
	}
	// Output:
	// device_code [urn:ietf:params:oauth:grant-type:device_code] <nil>
	// device_code [urn:ietf:params:oauth:grant-type:device_code] <nil>
	//  [] flow: unknown flow
}

func ExampleNames() {
	fmt.Println(flow.Names([]flow.Flow{flow.RefreshToken, flow.PasswordMFA}))
	// Output: [Refresh Token Password MFA]
}
