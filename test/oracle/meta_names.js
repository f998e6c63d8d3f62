/*
 * meta_names.js - events that Meta has names for (Conversions API, Standard events); others
 * keep ours.
 */
'use strict';

module.exports = { purchase: 'Purchase', page_view: 'PageView', add_to_wishlist: 'AddToWishlist',
	add_to_cart: 'AddToCart', viewed_item: 'ViewContent', begin_checkout: 'InitiateCheckout',
	add_payment_info: 'AddPaymentInfo', generate_lead: 'Lead', sign_up: 'CompleteRegistration',
	search: 'Search', customize_product: 'CustomizeProduct', contact: 'Contact', donate: 'Donate',
	find_location: 'FindLocation', schedule: 'Schedule', start_trial: 'StartTrial', subscribe: 'Subscribe'
};
