import type * as VueModule from "vue";

declare global {
	interface Window {
		/** Dashboard 2.0 gives its widgets the Vue that it runs on; a second copy would not share its reactivity. */
		Vue: typeof VueModule;
	}
}

export type { Component, PropType, Ref, VNode, VNodeChild } from "vue";
export const {
	computed,
	defineComponent,
	effectScope,
	h,
	inject,
	onBeforeUnmount,
	onMounted,
	provide,
	ref,
	shallowRef,
	Teleport,
	watch,
	watchEffect,
} = window.Vue;
