// What grafana_schema.json is made from: the dashboards of Grafana 13, strictly, with the options of the panels that ours have.
//
//   npm install @grafana/schema@13.2.3 ts-json-schema-generator@2.10.0
//   npx ts-json-schema-generator --path grafana_schema.ts --type Dashboard --no-type-check --no-top-ref --minify
//
// and then without `description`, `default` and `deprecated`. Its types are published under the Apache License 2.0.
import type * as common from './node_modules/@grafana/schema/dist/types/common/common.gen';
import type * as dashboard from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as stat from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as states from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type * as timeseries from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

type Fields<Custom> = Omit<dashboard.FieldConfigSource, 'defaults'> & {
  defaults: Omit<dashboard.FieldConfig, 'custom'> & { custom?: Partial<Custom> };
};
type Panel<Type, Options, Custom> = Omit<dashboard.Panel, 'type' | 'options' | 'fieldConfig'> & {
  type: Type;
  options?: Partial<Options>;
  fieldConfig?: Fields<Custom>;
};
export type AnyPanel =
  | Panel<'stat', stat.Options, {}>
  | Panel<'table', common.TableOptions, common.TableFieldOptions>
  | Panel<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Panel<'state-timeline', states.Options, states.FieldConfig>;
export type Dashboard = Omit<dashboard.Dashboard, 'panels'> & { panels?: Array<AnyPanel | dashboard.RowPanel> };
