package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// Schema is what the plugin answers to GetSchema: each type with its inputs and outputs, their types and which of them
// are required. The bridge's own generator would bring 400 packages, a third of the plugin again, for documentation
// and examples that nobody asks this plugin for; on names and types this agrees with it.
func Schema(info tfbridge.ProviderInfo) schema.PackageSpec {
	w := walk{types: map[string]schema.ComplexTypeSpec{}}
	spec := schema.PackageSpec{
		Name:        info.Name,
		Version:     info.Version,
		Description: info.Description,
		Resources:   map[string]schema.ResourceSpec{},
		Types:       w.types,
	}

	config := w.properties(info.P.Schema(), info.Config, "index/Provider", isInput)
	spec.Config.Variables = config.Properties
	spec.Provider = schema.ResourceSpec{
		ObjectTypeSpec:  schema.ObjectTypeSpec{Properties: config.Properties},
		InputProperties: config.Properties,
	}
	for name, row := range info.Resources {
		fields := info.P.ResourcesMap().Get(name).Schema()
		module, typeName := parts(string(row.Tok))
		outputs := w.properties(fields, row.Fields, module+"/"+typeName, isOutput)
		inputs := w.properties(fields, row.Fields, module+"/"+typeName, isInput)
		// The engine knows a resource's own id; it is not among its properties.
		delete(inputs.Properties, "id")
		delete(outputs.Properties, "id")
		outputs.Required = slices.DeleteFunc(outputs.Required, func(name string) bool { return name == "id" })
		spec.Resources[string(row.Tok)] = schema.ResourceSpec{
			ObjectTypeSpec:  outputs,
			InputProperties: inputs.Properties,
			RequiredInputs:  inputs.Required,
		}
	}
	return spec
}

// parts of a token: aws:ec2/routeTable:RouteTable has the module ec2 and the name RouteTable.
func parts(token string) (module, name string) {
	fields := strings.Split(token, ":")
	module, _, _ = strings.Cut(fields[1], "/")
	return module, fields[2]
}

type direction int

const (
	isInput direction = iota
	isOutput
)

// walk collects the object types of nested blocks on its way.
type walk struct {
	types map[string]schema.ComplexTypeSpec
}

// properties describes the fields of a resource or block. owner is the prefix of the names of the types below it:
// ec2/RouteTable for ec2/RouteTableRoute.
func (w walk) properties(
	fields shim.SchemaMap, infos map[string]*tfbridge.SchemaInfo, owner string, way direction,
) schema.ObjectTypeSpec {
	object := schema.ObjectTypeSpec{Type: "object", Properties: map[string]schema.PropertySpec{}}
	fields.Range(func(key string, field shim.Schema) bool {
		info := cmp.Or(infos[key], &tfbridge.SchemaInfo{})
		computedOnly := info.MarkAsComputedOnly != nil && *info.MarkAsComputedOnly
		settable := (field.Optional() || field.Required()) && !computedOnly
		if way == isInput && !settable {
			return true
		}

		name := tfbridge.TerraformToPulumiNameV2(key, fields, infos)
		object.Properties[name] = schema.PropertySpec{
			TypeSpec:             w.fieldType(key, field, info, owner, way),
			WillReplaceOnChanges: way == isInput && field.ForceNew(),
			Secret:               info.Secret != nil && *info.Secret,
		}
		named := info.Default != nil && info.Default.AutoNamed
		required := field.Required() && !named
		if way == isOutput {
			required = field.Required() || field.Computed() || named
		}
		if required {
			object.Required = append(object.Required, name)
		}
		return true
	})
	slices.Sort(object.Required)
	return object
}

func (w walk) fieldType(
	key string, field shim.Schema, info *tfbridge.SchemaInfo, owner string, way direction,
) schema.TypeSpec {
	if info.Type == "boolean" {
		return schema.TypeSpec{Type: "boolean"}
	}
	switch field.Type() {
	case shim.TypeBool:
		return schema.TypeSpec{Type: "boolean"}
	case shim.TypeInt:
		return schema.TypeSpec{Type: "integer"}
	case shim.TypeFloat:
		return schema.TypeSpec{Type: "number"}
	case shim.TypeString:
		return schema.TypeSpec{Type: "string"}
	case shim.TypeMap:
		element := w.elementType(key, field, owner, way)
		return schema.TypeSpec{Type: "object", AdditionalProperties: &element}
	case shim.TypeList, shim.TypeSet:
		if tfbridge.IsMaxItemsOne(field, info) {
			return w.elementType(key, field, owner, way)
		}
		element := w.elementType(strings.TrimSuffix(key, "s"), field, owner, way)
		return schema.TypeSpec{Type: "array", Items: &element}
	default:
		panic(fmt.Sprintf("%s %s has a type without a place in a schema: %v", owner, key, field.Type()))
	}
}

func (w walk) elementType(key string, field shim.Schema, owner string, way direction) schema.TypeSpec {
	switch element := field.Elem().(type) {
	case shim.Schema:
		return w.fieldType(key, element, &tfbridge.SchemaInfo{}, owner, way)
	case shim.Resource:
		name := owner + tfbridge.TerraformToPulumiName(key, nil, nil, true)
		_, typeName, _ := strings.Cut(name, "/")
		token := fmt.Sprintf("%s:%s:%s", Name, name, typeName)
		// Inputs and outputs share the type; what only outputs have is optional in it.
		described := w.properties(element.Schema(), nil, name, isOutput)
		described.Required = w.properties(element.Schema(), nil, name, isInput).Required
		w.types[token] = schema.ComplexTypeSpec{ObjectTypeSpec: described}
		return schema.TypeSpec{Ref: "#/types/" + token}
	default:
		return schema.TypeSpec{Type: "string"}
	}
}
