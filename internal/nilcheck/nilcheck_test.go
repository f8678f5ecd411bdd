package nilcheck_test

import (
	"errors"
	"testing"
	"unsafe"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
)

func TestIsNil(t *testing.T) {
	t.Parallel()
	number := 0
	for name, tt := range map[string]struct {
		value any
		want  bool
	}{
		"nil":                 {nil, true},
		"nil error":           {error(nil), true},
		"nil pointer":         {(*int)(nil), true},
		"nil func":            {(func())(nil), true},
		"nil map":             {map[string]int(nil), true},
		"nil slice":           {[]int(nil), true},
		"nil channel":         {(chan int)(nil), true},
		"nil unsafe pointer":  {unsafe.Pointer(nil), true},
		"pointer":             {&number, false},
		"pointer to a nil":    {new(*int), false},
		"func":                {func() {}, false},
		"empty map":           {map[string]int{}, false},
		"empty slice":         {[]int{}, false},
		"channel":             {make(chan int), false},
		"zero number":         {0, false},
		"empty string":        {"", false},
		"zero struct":         {struct{ p *int }{}, false},
		"array of a nil":      {[1]*int{}, false},
		"error with a value":  {errors.New("fault"), false},
		"interface in a type": {struct{ error }{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := nilcheck.IsNil(tt.value); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
