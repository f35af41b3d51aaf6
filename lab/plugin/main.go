// pulumi-resource-aws, with the resource types that Holdfast's stacks use and no others. As
//
//	pulumi-resource-aws schema
//
// it prints what it answers to GetSchema.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"

	"holdfast/lab/plugin/provider"
)

func main() {
	info := provider.Info(context.Background())
	schema, err := json.Marshal(provider.Schema(info))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) == 2 && os.Args[1] == "schema" {
		fmt.Println(string(schema))
		return
	}
	tfbridge.Main(provider.Name, provider.Version, info, schema)
}
