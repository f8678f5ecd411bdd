package sqlstore_test

import (
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestMain(m *testing.M) {
	if err := mysql.SetLogger(&mysql.NopLogger{}); err != nil { // it would log each broken connection
		panic(err)
	}
	os.Exit(m.Run())
}
